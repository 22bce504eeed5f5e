// All that Streamlit sends again of the viewer's script with each change of its data; the rest came with the pixels.

export default function (component) {
  let close;
  const open = () => (close = window.unetViewer?.(component));
  if (window.unetViewer) open();
  else window.addEventListener("unet-viewer", open, { once: true });
  return () => {
    window.removeEventListener("unet-viewer", open);
    close?.();
  };
}
