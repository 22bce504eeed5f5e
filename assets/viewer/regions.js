// @ts-check
// Regions that were drawn over a picture, each with its label; of what is being drawn, the outline.

import { fromBase64 } from "./codec.js";
import { countOf } from "./marker.js";

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {{ points: Point[], label: string, numbers?: string }} Region Numbers are those of the nuclei in it, where
 *   these are positive or negative.
 * @typedef {{ left: number, top: number, scale: number, ratio: number }} Sight Where the canvas lies in the image, in its
 *   pixels, the canvas's pixels for one of them, and for one of the page.
 */

/** @type {WeakMap<Region, Uint32Array>} */
const insides = new WeakMap();

/**
 * What stands beside a region: also how many of its nuclei are positive at this moment, if they are told.
 * @param {Region} region
 * @param {Uint8Array | null} flags Of ``flagsOf``.
 */
export function labelOf(region, flags) {
  if (!region.numbers || !flags) return region.label;
  let inside = insides.get(region);
  if (!inside) insides.set(region, (inside = new Uint32Array(fromBase64(region.numbers).buffer)));
  const [told, positive] = countOf(Uint8Array.from(inside, (number) => flags[number] ?? 0));
  return told ? `${region.label} · ${((100 * positive) / told).toFixed(1)}% positive` : region.label;
}

/**
 * @param {CanvasRenderingContext2D} context
 * @param {Region[]} regions
 * @param {Sight} sight
 * @param {Uint8Array | null} flags
 */
export function paintRegions(context, regions, sight, flags) {
  for (const { points } of regions) strokeLine(context, points, sight, true);
  for (const region of regions) {
    const { points } = region;
    const label = labelOf(region, flags);
    // By its uppermost corner, kept on the canvas as far as the region is.
    const [x, y] = points.reduce((best, point) => (point[1] < best[1] ? point : best));
    const size = 13 * sight.ratio;
    context.font = `600 ${size}px system-ui, sans-serif`;
    const wide = context.measureText(label).width + size;
    const left = Math.min(Math.max(0, (x - sight.left) * sight.scale), Math.max(0, context.canvas.width - wide));
    const top = Math.max(0, (y - sight.top) * sight.scale);
    context.fillStyle = "rgb(0 0 0 / 65%)";
    context.fillRect(left, top, wide, 1.6 * size);
    context.fillStyle = "#fff";
    context.textBaseline = "middle";
    context.fillText(label, left + size / 2, top + 0.85 * size);
  }
}

/**
 * Draw a line in white with a dark rim, so that it is seen on any picture.
 * @param {CanvasRenderingContext2D} context
 * @param {Point[]} points In pixels of the image.
 * @param {Sight} sight
 * @param {boolean} closed
 */
export function strokeLine(context, points, { left, top, scale, ratio }, closed) {
  context.lineCap = context.lineJoin = "round";
  context.beginPath();
  points.forEach(([x, y]) => context.lineTo((x - left) * scale, (y - top) * scale));
  if (points.length === 1) context.lineTo((points[0][0] - left) * scale, (points[0][1] - top) * scale + 0.01);
  if (closed) context.closePath();
  const more = points.length === 1 ? 6 : 0; // a single click is to be seen as well as a line
  for (const [color, width] of /** @type {[string, number][]} */ ([["#000", 4.5], ["#fff", 2]])) {
    context.strokeStyle = color;
    context.lineWidth = (width + more) * ratio;
    context.stroke();
  }
}

/**
 * The corners of a region from the line that was drawn.
 * @param {string} tool
 * @param {Point[]} line
 * @returns {Point[]}
 */
export function cornersOf(tool, line) {
  if (tool !== "rectangle" || line.length < 2) return line;
  const [[left, top], [right, bottom]] = [line[0], line[line.length - 1]];
  return [[left, top], [right, top], [right, bottom], [left, bottom]];
}
