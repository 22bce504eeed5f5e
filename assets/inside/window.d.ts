// What the page Inside keeps at the window: it outlives the mounts, which Streamlit makes anew.
interface Window {
  /** What asks the server; see wire.js. */
  unetWire?: any;
}
