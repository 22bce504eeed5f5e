// @ts-check
// Which pixels a drawn shape covers: those whose middle lies in it. unet/corrections/raster.py does the same sums.

/**
 * @typedef {[number, number]} Point x and y, in pixels from the image's upper left corner.
 * @typedef {{ left: number, top: number, right: number, bottom: number }} Box First column and row, and those after the last.
 */

/**
 * The pixels of an image in which points and a margin lie, perhaps none.
 * @param {Point[]} points
 * @param {number} margin
 * @param {number} width
 * @param {number} height
 * @returns {Box}
 */
export function boxOf(points, margin, width, height) {
  const side = (/** @type {0 | 1} */ axis, /** @type {number} */ length) => {
    const values = points.map((point) => point[axis]);
    const least = values.reduce((one, other) => Math.min(one, other));
    const most = values.reduce((one, other) => Math.max(one, other));
    const first = Math.min(Math.max(0, Math.floor(least - margin)), length);
    return [first, Math.max(first, Math.min(length, Math.ceil(most + margin) + 1))];
  };
  const [left, right] = side(0, width);
  const [top, bottom] = side(1, height);
  return { left, top, right, bottom };
}

/**
 * The box around two boxes; null stands for all there is.
 * @param {Box | null} one
 * @param {Box | null} other
 */
export function around(one, other) {
  if (!one || !other) return null;
  return {
    left: Math.min(one.left, other.left),
    top: Math.min(one.top, other.top),
    right: Math.max(one.right, other.right),
    bottom: Math.max(one.bottom, other.bottom),
  };
}

/**
 * Which pixels of a box lie in a closed line; where it crosses itself, by even-odd.
 * @param {Point[]} points
 * @param {Box} box
 */
export function polygonMask(points, box) {
  const width = box.right - box.left;
  const height = box.bottom - box.top;
  const mask = new Uint8Array(width * height);
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[(index + 1) % points.length];
    for (let row = 0; row < height; row++) {
      const middle = box.top + row + 0.5;
      if (y1 <= middle === y2 <= middle) continue;
      const x = x1 + ((middle - y1) * (x2 - x1)) / (y2 - y1);
      const column = Math.max(0, Math.floor(x - 0.5) + 1 - box.left);
      for (let at = column; at < width; at++) mask[row * width + at] ^= 1;
    }
  });
  return mask;
}

/**
 * Which pixels of a box lie within a radius of a line.
 * @param {Point[]} points
 * @param {number} radius
 * @param {Box} box
 */
export function strokeMask(points, radius, box) {
  const width = box.right - box.left;
  const mask = new Uint8Array(width * (box.bottom - box.top));
  points.forEach(([x1, y1], index) => {
    const [x2, y2] = points[Math.min(index + 1, points.length - 1)];
    const across = x2 - x1;
    const down = y2 - y1;
    const length = across * across + down * down;
    const part = boxOf([[x1, y1], [x2, y2]], radius + 1, box.right, box.bottom);
    for (let row = Math.max(part.top, box.top); row < part.bottom; row++) {
      for (let column = Math.max(part.left, box.left); column < part.right; column++) {
        const y = row + 0.5;
        const x = column + 0.5;
        const along = length ? Math.min(1, Math.max(0, ((x - x1) * across + (y - y1) * down) / length)) : 0;
        const awayX = x - (x1 + along * across);
        const awayY = y - (y1 + along * down);
        if (awayX * awayX + awayY * awayY <= radius * radius) mask[(row - box.top) * width + column - box.left] = 1;
      }
    }
  });
  return mask;
}

/**
 * The connected piece around a pixel, neighbours touching at a corner too; it is taken out of the mask.
 * @param {Uint8Array} mask
 * @param {number} width
 * @param {number} start
 * @returns {number[]} Places in the mask.
 */
export function takePiece(mask, width, start) {
  if (!mask[start]) return [];
  const height = mask.length / width;
  const piece = [start];
  mask[start] = 0;
  for (let index = 0; index < piece.length; index++) {
    const x = piece[index] % width;
    const y = (piece[index] - x) / width;
    for (let row = Math.max(0, y - 1); row <= Math.min(height - 1, y + 1); row++) {
      for (let column = Math.max(0, x - 1); column <= Math.min(width - 1, x + 1); column++) {
        const place = row * width + column;
        if (!mask[place]) continue;
        mask[place] = 0;
        piece.push(place);
      }
    }
  }
  return piece;
}

/**
 * The largest connected piece of a mask; of equal ones the uppermost.
 * @param {Uint8Array} mask Which is emptied.
 * @param {number} width
 */
export function largestPiece(mask, width) {
  /** @type {number[]} */
  let largest = [];
  for (let start = 0; start < mask.length; start++) {
    if (!mask[start]) continue;
    const piece = takePiece(mask, width, start);
    if (piece.length > largest.length) largest = piece;
  }
  return largest;
}
