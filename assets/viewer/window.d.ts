// What the viewer keeps at the window: it outlives the mounts, which Streamlit makes anew.
interface Window {
  /** Scenes by their keys. */
  unetScenes?: Map<string, any>;
  /** What shows the viewer in a mount, and returns what ends it: the script comes with the pixels. */
  unetViewer?: (component: any) => () => void;
  /** Look and place of the view that was here last, as the address has them. */
  unetLook?: string;
}
