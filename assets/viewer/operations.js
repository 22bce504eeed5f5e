// @ts-check
// What a correction does to a label map, drawn before the server answers. unet/corrections/operations.py does the same, to
// the pixel, and its answer is what counts; what looks at the model's map of distances is left to it.

import { Patch } from "./patch.js";
import { boxOf, largestPiece, polygonMask, strokeMask, takePiece } from "./raster.js";
import { boxAround, fillHoles, smoothRim, splitAlong } from "./shapes.js";

const REACH = 256; // what a click adds lies within so many pixels of it
const EIGHTHS = 8;
const FEW = 4; // nuclei, that are found sooner one by one

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {{ kind: string, points?: Point[], numbers?: number[], radius?: number, level?: number, take?: boolean }} Operation
 * @typedef {{ labels: Uint32Array, width: number, height: number, next: number, levels: Uint16Array }} Nuclei
 * @typedef {Nuclei & { set: (place: number, value: number) => void }} Changing Labels are only written through ``set``.
 */

/**
 * A coordinate as it is sent: sums with eighths come out alike in Python and here.
 * @param {number} value
 */
export function eighth(value) {
  return Math.floor(value * EIGHTHS + 0.5) / EIGHTHS;
}

/**
 * The same correction on a picture of another size, or a part of one; a brush covers at least a pixel.
 * @param {Operation} operation
 * @param {number} factor
 * @param {number[]} corner Where the part begins.
 * @returns {Operation}
 */
export function placed(operation, factor, [left, top] = [0, 0]) {
  return {
    ...operation,
    points: operation.points?.map(([x, y]) => [(x - left) * factor, (y - top) * factor]),
    radius: operation.radius && (factor === 1 ? operation.radius : Math.max(0.75, operation.radius * factor)),
  };
}

/**
 * Correct nuclei in place: what was changed, and the next number; null where only the server can say, or nothing changes.
 * @param {Nuclei} nuclei
 * @param {Operation} operation
 * @returns {{ patch: Patch, next: number } | null}
 */
export function correct(nuclei, operation) {
  const patch = new Patch(nuclei.labels);
  const changing = { ...nuclei, set: patch.set.bind(patch) };
  TOOLS[operation.kind]?.(changing, operation);
  return patch.places.length ? { patch, next: changing.next } : null;
}

/**
 * Whether the browser by itself knows what a kind of correction does.
 * @param {string} kind
 */
export function isKnown(kind) {
  return kind in TOOLS;
}

/** @type {Record<string, (nuclei: Changing, operation: any) => void>} */
const TOOLS = {
  draw(nuclei, { points, take }) {
    const box = boxOf(points, 0, nuclei.width, nuclei.height);
    const mask = polygonMask(points, box);
    if (!take) eachPixel(nuclei, box, (place, index) => nuclei.labels[place] && (mask[index] = 0));
    add(nuclei, box, largestPiece(mask, box.right - box.left));
  },

  add(nuclei, { points, level }) {
    const [x, y] = points[0].map(Math.floor);
    const { labels, levels, width, height } = nuclei;
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    const box = {
      left: Math.max(0, x - REACH),
      top: Math.max(0, y - REACH),
      right: Math.min(width, x + REACH + 1),
      bottom: Math.min(height, y + REACH + 1),
    };
    const wide = box.right - box.left;
    const mask = new Uint8Array(wide * (box.bottom - box.top));
    eachPixel(nuclei, box, (place, index) => levels[place] > level && !labels[place] && (mask[index] = 1));
    add(nuclei, box, takePiece(mask, wide, (y - box.top) * wide + x - box.left));
  },

  delete: (nuclei, { numbers }) => renumber(nuclei, numbers, 0),
  merge: (nuclei, { numbers }) => renumber(nuclei, numbers, numbers[0]),

  split: (nuclei, { points }) => splitAlong(nuclei, points),
  fill: (nuclei, { numbers }) => fillHoles(nuclei, numbers[0]),
  smooth: (nuclei, { numbers }) => smoothRim(nuclei, numbers[0]),

  brush(nuclei, { points, numbers, radius, take }) {
    const { labels } = nuclei;
    cover(nuclei, points, radius, (place) => (take || !labels[place] ? numbers[0] : labels[place]));
  },

  erase(nuclei, { points, numbers, radius }) {
    const { labels } = nuclei;
    const only = numbers?.length ? new Set(numbers) : null;
    cover(nuclei, points, radius, (place) => (!only || only.has(labels[place]) ? 0 : labels[place]));
  },
};

function add(nuclei, box, piece) {
  const wide = box.right - box.left;
  for (const index of piece) {
    const column = index % wide;
    nuclei.set((box.top + (index - column) / wide) * nuclei.width + box.left + column, nuclei.next);
  }
  if (piece.length) nuclei.next += 1;
}

function renumber(nuclei, numbers, into) {
  const { labels, next, set } = nuclei;
  const moved = numbers.filter((number) => number !== into);
  if (moved.length <= FEW) {
    for (const number of moved) {
      const box = boxAround(nuclei, number, 0);
      if (box) eachPixel(nuclei, box, (place) => labels[place] === number && set(place, into));
    }
    return;
  }
  // A table by number: of millions of pixels each is looked up in it.
  const among = new Uint8Array(next);
  for (const number of moved) among[number] = 1;
  for (let place = 0; place < labels.length; place++) if (among[labels[place]]) set(place, into);
}

function cover(nuclei, points, radius, valueAt) {
  const box = boxOf(points, radius, nuclei.width, nuclei.height);
  const mask = strokeMask(points, radius, box);
  eachPixel(nuclei, box, (place, index) => mask[index] && nuclei.set(place, valueAt(place)));
}

function eachPixel({ width }, box, act) {
  let index = 0;
  for (let row = box.top; row < box.bottom; row++) {
    for (let column = box.left; column < box.right; column++) act(row * width + column, index++);
  }
}
