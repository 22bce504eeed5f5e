// What a value sees: its receptive field, and by how much each pixel of the image would change it.

import { made, painted, paintedRgb, figure } from "./paint.js";
import { where } from "./number.js";

export async function showField(stage, panel) {
  const { layer, channel, row, column } = stage.at;
  const answer = await stage.ask({ kind: "field", layer, channel, row, column });
  const tile = answer && (await stage.ask({ kind: "layer", layer, channels: [channel] }));
  if (!tile || stage.at.tab !== "field" || stage.at.row !== row || stage.at.column !== column) return;
  const { image } = stage.whole.arrays;
  const [height, width] = image.shape;
  const picture = paintedRgb(made("canvas", { role: "img", "aria-label": "The image, with the receptive field framed" }), image.values, height, width);
  const [top, left, bottom, right] = answer.box;
  const context = picture.getContext("2d");
  context.strokeStyle = "#e69f00";
  context.lineWidth = Math.max(1, width / 128);
  context.strokeRect(left + 0.5, top + 0.5, Math.max(1, right - left - 1), Math.max(1, bottom - top - 1));
  const heat = painted(made("canvas", { role: "img", "aria-label": "How much each pixel would change the value" }), answer.arrays.heat.values, height, width, stage.colors);
  panel.replaceChildren(
    made("p", { class: "hint" }, "The receptive field is the part of the image that can change this value at all. The gradient says by how much each pixel would: it is computed exactly, back through all layers."),
    made("div", { class: "figures" }, where(stage, tile),
      figure(picture, `The receptive field: ${right - left} × ${bottom - top} pixels of ${width} × ${height}.`),
      figure(heat, answer.largest ? "The gradient: yellow pixels would change the value most, violet ones not at all." : "Here no pixel would change the value: it was set to 0 on the way.")));
}
