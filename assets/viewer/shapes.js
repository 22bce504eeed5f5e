// @ts-check
// What splits a nucleus along a line, fills its holes and smooths its rim: unet/corrections/shapes.py comes to the same pixels.

import { boxOf, largestPiece, strokeMask, takePiece } from "./raster.js";

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {import("./raster.js").Box} Box
 * @typedef {import("./operations.js").Nuclei} Nuclei
 * @typedef {import("./operations.js").Changing} Changing
 */

const CUT = Math.sqrt(0.5); // a line this wide leaves no two pixels on its sides that touch at a corner
const LEAST_PIECE = 3;
// A bell of two pixels' standard deviation, in whole numbers: their sums are exact here and in Python.
const BELL = [2, 11, 44, 135, 325, 607, 882, 1000, 882, 607, 325, 135, 44, 11, 2];
const HALF = BELL.reduce((sum, weight) => sum + weight, 0) ** 2 / 2;

/**
 * @param {Changing} nuclei
 * @param {Point[]} points
 */
export function splitAlong(nuclei, points) {
  const { labels, width, height } = nuclei;
  const near = boxOf(points, 1, width, height);
  const line = strokeMask(points, CUT, near);
  const under = new Set();
  for (let index = 0; index < line.length; index++) if (line[index]) under.add(labels[placeOf(near, index, width)]);
  under.delete(0);
  for (const number of [...under].sort((one, other) => one - other)) splitOne(nuclei, number, points);
}

function splitOne(nuclei, number, points) {
  const { labels, width } = nuclei;
  const box = boxAround(nuclei, number, 0);
  if (!box) return;
  const wide = box.right - box.left;
  const cut = strokeMask(points, CUT, box);
  const mask = cut.map((_, index) => (labels[placeOf(box, index, width)] === number ? 1 : 0));
  const free = mask.map((inside, index) => (inside && !cut[index] ? 1 : 0));
  // The piece that a pixel belongs to, counted from 1 in the order of their first pixels.
  const owner = new Int32Array(mask.length);
  const sizes = [0];
  for (let start = 0; start < free.length; start++) {
    const piece = takePiece(free, wide, start);
    if (piece.length < LEAST_PIECE) continue;
    sizes.push(piece.length);
    for (const index of piece) owner[index] = sizes.length - 1;
  }
  if (sizes.length < 3) return;
  shareOut(owner, mask, wide);
  sizes.fill(0);
  for (const piece of owner) if (piece) sizes[piece] += 1;
  const order = sizes.map((_, piece) => piece).slice(1).sort((one, other) => sizes[other] - sizes[one] || one - other);
  const names = new Uint32Array(sizes.length).fill(number);
  for (const piece of order.slice(1)) names[piece] = nuclei.next++;
  owner.forEach((piece, index) => {
    if (piece) nuclei.set(placeOf(box, index, width), names[piece]);
  });
}

// Give each pixel of a mask that has no piece yet that of its neighbours, round by round; of several the first one.
function shareOut(owner, mask, wide) {
  let left = [...mask.keys()].filter((index) => mask[index] && !owner[index]);
  while (left.length) {
    const found = left.map((index) => firstBeside(owner, index, wide));
    if (!found.some(Boolean)) return;
    left = left.filter((index, at) => {
      owner[index] = found[at];
      return !found[at];
    });
  }
}

function firstBeside(owner, index, wide) {
  const column = index % wide;
  let first = 0;
  for (let step = -1; step <= 1; step++) {
    for (let side = -1; side <= 1; side++) {
      if (column + side < 0 || column + side >= wide) continue;
      const piece = owner[index + step * wide + side];
      if (piece && (!first || piece < first)) first = piece;
    }
  }
  return first;
}

/**
 * @param {Changing} nuclei
 * @param {number} number
 */
export function fillHoles(nuclei, number) {
  const { labels, width } = nuclei;
  const inner = boxAround(nuclei, number, 0);
  if (!inner) return;
  // With a rim around, from which all of the outside is reached, over edges of pixels.
  const box = { left: inner.left - 1, top: inner.top - 1, right: inner.right + 1, bottom: inner.bottom + 1 };
  const wide = box.right - box.left;
  const isIn = (/** @type {number} */ index) => {
    const [x, y] = [box.left + (index % wide), box.top + Math.floor(index / wide)];
    return x >= inner.left && x < inner.right && y >= inner.top && y < inner.bottom;
  };
  const open = new Uint8Array(wide * (box.bottom - box.top));
  for (let index = 0; index < open.length; index++) {
    open[index] = isIn(index) && labels[placeOf(box, index, width)] === number ? 0 : 1;
  }
  const queue = [0];
  open[0] = 0;
  for (let at = 0; at < queue.length; at++) {
    const column = queue[at] % wide;
    for (const next of [queue[at] - wide, queue[at] + wide, column ? queue[at] - 1 : -1, column < wide - 1 ? queue[at] + 1 : -1]) {
      if (!(next >= 0 && open[next])) continue;
      open[next] = 0;
      queue.push(next);
    }
  }
  open.forEach((hole, index) => {
    const place = placeOf(box, index, width);
    if (hole && labels[place] === 0) nuclei.set(place, number);
  });
}

/**
 * @param {Changing} nuclei
 * @param {number} number
 */
export function smoothRim(nuclei, number) {
  const { labels, width } = nuclei;
  const box = boxAround(nuclei, number, 2);
  if (!box) return;
  const wide = box.right - box.left;
  const tall = box.bottom - box.top;
  const mask = new Float64Array(wide * tall);
  for (let index = 0; index < mask.length; index++) mask[index] = labels[placeOf(box, index, width)] === number ? 1 : 0;
  const soft = blurred(blurred(mask, wide, tall, 1, wide), tall, wide, wide, 1);
  const wanted = Uint8Array.from(soft, (sum, index) => {
    const label = labels[placeOf(box, index, width)];
    return sum > HALF && (label === number || label === 0) ? 1 : 0;
  });
  const kept = new Set(largestPiece(wanted, wide));
  if (!kept.size) return;
  for (let index = 0; index < mask.length; index++) {
    const place = placeOf(box, index, width);
    if (kept.has(index) !== (labels[place] === number)) nuclei.set(place, kept.has(index) ? number : 0);
  }
}

// Along one side of an array, which goes on beyond its ends as at them; `step` leads along it, `over` across.
function blurred(values, length, count, step, over) {
  const out = new Float64Array(values.length);
  const reach = (BELL.length - 1) / 2;
  for (let line = 0; line < count; line++) {
    for (let at = 0; at < length; at++) {
      let sum = 0;
      for (let offset = -reach; offset <= reach; offset++) {
        const from = Math.min(length - 1, Math.max(0, at + offset));
        sum += BELL[offset + reach] * values[line * over + from * step];
      }
      out[line * over + at * step] = sum;
    }
  }
  return out;
}

function placeOf(box, index, width) {
  const wide = box.right - box.left;
  const column = index % wide;
  return (box.top + (index - column) / wide) * width + box.left + column;
}

/**
 * The pixels in which a nucleus lies, and a margin, in the image; null if it does not.
 * @param {Nuclei} nuclei
 * @param {number} number
 * @param {number} margin
 */
export function boxAround({ labels, width, height }, number, margin) {
  const first = labels.indexOf(number);
  if (first < 0) return null;
  const last = labels.lastIndexOf(number);
  const [top, bottom] = [Math.floor(first / width), Math.floor(last / width)];
  let [left, right] = [width, 0];
  for (let row = top; row <= bottom; row++) {
    for (let column = 0; column < left; column++) if (labels[row * width + column] === number) left = column;
    for (let column = width - 1; column > right; column--) if (labels[row * width + column] === number) right = column;
  }
  right = Math.max(right, left);
  return boxOf([[left, top], [right, bottom]], margin, width, height);
}
