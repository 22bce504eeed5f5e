// @ts-check

/**
 * Where a square stands that is moved to a place: in whole pixels, and within its image.
 * @param {{ height: number, width: number, side: number }} image @param {number} top @param {number} left
 */
export function moved({ height, width, side }, top, left) {
  const within = (value, size) => Math.round(Math.min(Math.max(0, value), Math.max(0, size - side)));
  return { top: within(top, height), left: within(left, width) };
}
