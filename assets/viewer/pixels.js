// Takes what the viewer needs from the server once: its script, and the pixels of an image with its maps. The mount has
// nothing to show: it is apart from the viewer so that a moved threshold does not bring all of this again.

import { readScene } from "./codec.js";
import { showViewer } from "./viewer.js";

const SCENES_KEPT = 4; // images of a mount; an image of 2048 x 2048 pixels takes some 30 MB

export default function ({ data, setStateValue, setTriggerValue }) {
  const store = (window.unetScenes ??= new Map());
  window.unetViewer = showViewer;
  window.dispatchEvent(new Event("unet-viewer"));
  if (data instanceof Uint8Array) {
    receive(data, store).then((mount) => setStateValue("have", keysOf(store, mount)));
  }
  // The region that the viewer would like to see at full resolution goes to the server from here.
  const ask = (event) => setTriggerValue("region", event.detail);
  window.addEventListener("unet-region", ask);
  return () => window.removeEventListener("unet-region", ask);
}

async function receive(blob, store) {
  const scene = await readScene(blob, decoded);
  if (scene.part_of) {
    const whole = store.get(scene.part_of);
    if (whole) whole.detail = scene;
  } else {
    store.delete(scene.key);
    store.set(scene.key, scene);
    for (const old of keysOf(store, scene.mount).slice(0, -SCENES_KEPT)) store.delete(old);
  }
  window.dispatchEvent(new CustomEvent("unet-scene", { detail: scene.part_of ?? scene.key }));
  return scene.mount ?? store.get(scene.part_of)?.mount;
}

// The scenes that came through a mount, the oldest first: another one's do not push them out.
function keysOf(store, mount) {
  return [...store.values()].filter((scene) => scene.mount === mount).map((scene) => scene.key);
}

async function decoded(bytes) {
  const bitmap = await createImageBitmap(new Blob([bytes], { type: "image/jpeg" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.drawImage(bitmap, 0, 0);
  return context.getImageData(0, 0, bitmap.width, bitmap.height).data;
}
