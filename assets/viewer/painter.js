// Which of the two painters draws.

import { CardPainter } from "./card_painter.js";
import { PlainPainter } from "./plain_painter.js";

// The best painter that this browser has; a canvas that has had one kind cannot have the other. Where a program stands in
// for the graphics card, it draws more slowly than we do.
const STAND_INS = /swiftshader|llvmpipe|software|basic render/i;

export function openPainter(canvas, wanted) {
  if (wanted !== "plain" && (wanted === "card" || hasCard())) {
    try {
      const painter = CardPainter.open(canvas);
      if (painter) return painter;
    } catch (error) {
      console.warn("The viewer draws without the graphics card:", error);
      return openWithoutCard(canvas);
    }
  }
  return new PlainPainter(canvas);
}

// A canvas that has had a card cannot be drawn on otherwise: another takes its place.
export function openWithoutCard(canvas) {
  const fresh = canvas.cloneNode();
  canvas.replaceWith(fresh);
  return new PlainPainter(fresh);
}

function hasCard() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const name = names ? gl.getParameter(names.UNMASKED_RENDERER_WEBGL) : "";
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !STAND_INS.test(name);
}
