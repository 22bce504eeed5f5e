// Which of the two painters draws.

// The best painter that this browser has; a canvas that has had one kind cannot have the other. Where a program stands in
// for the graphics card, it draws more slowly than we do.
const STAND_INS = /swiftshader|llvmpipe|software|basic render/i;

function openPainter(canvas, wanted) {
  if (wanted !== "plain" && (wanted === "card" || hasCard())) {
    try {
      const painter = CardPainter.open(canvas);
      if (painter) return painter;
    } catch (error) {
      console.warn("The viewer draws without the graphics card:", error);
      const fresh = canvas.cloneNode();
      canvas.replaceWith(fresh);
      canvas = fresh;
    }
  }
  return new PlainPainter(canvas);
}

function hasCard() {
  const gl = document.createElement("canvas").getContext("webgl2");
  if (!gl) return false;
  const names = gl.getExtension("WEBGL_debug_renderer_info");
  const name = names ? gl.getParameter(names.UNMASKED_RENDERER_WEBGL) : "";
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return !STAND_INS.test(name);
}
