// What the viewer keeps at the window: it outlives the mounts, which Streamlit makes anew.
interface Window {
  /** Scenes by their keys. */
  unetScenes?: Map<string, any>;
  /** Look and place of the view that was here last, as the address has them. */
  unetLook?: string;
}
