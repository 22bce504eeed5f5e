// @ts-check
// Levels of 8 bits, each over a range of its own, on one range for all frames of a film.

/**
 * @param {Uint8Array} tiles Of frames of maps, one after the other.
 * @param {Float32Array} ranges From and to, of each map of each frame.
 * @param {number} frames @param {number} maps @param {number} size Values of a map.
 * @returns {Uint8Array[][]} By frame and map.
 */
export function onOneScale(tiles, ranges, frames, maps, size) {
  const rangeOf = (frame, map) => ranges.subarray(2 * (frame * maps + map), 2 * (frame * maps + map) + 2);
  const lowest = Array.from({ length: maps }, (_, map) => Math.min(...Array.from({ length: frames }, (_, frame) => rangeOf(frame, map)[0])));
  const highest = Array.from({ length: maps }, (_, map) => Math.max(...Array.from({ length: frames }, (_, frame) => rangeOf(frame, map)[1])));
  return Array.from({ length: frames }, (_, frame) => Array.from({ length: maps }, (_, map) => {
    const [from, to] = rangeOf(frame, map);
    const span = highest[map] - lowest[map] || 1;
    const start = (frame * maps + map) * size;
    return Uint8Array.from(tiles.subarray(start, start + size), (level) => Math.round((255 * (from - lowest[map]) + level * (to - from)) / span));
  }));
}
