// @ts-check
// The frames of the flooding. Each basin is flooded from its peak down, so at a level all that is as high is wet.

export const FRAMES = 40;
const FLOODED = FRAMES - 3; // frames 0 and 1 are mask and peaks, the last two merge and leave out

/** @param {Record<string, any>} answer As studio/inside/answers.py gives it for “flood”. */
export function framesOf(answer) {
  const { mask, distance, peaks, basins, merged, labels } = answer.arrays;
  const highest = distance.values.reduce((most, each) => Math.max(most, each), 0);
  return { mask: mask.values, distance: distance.values, peaks: peaks.values, basins: basins.values, merged: merged.values, labels: labels.values, highest, threshold: answer.threshold, separation: answer.separation };
}

/** @param {ReturnType<typeof framesOf>} parts @param {number} frame */
export function atFrame(parts, frame) {
  const { mask, distance, peaks, basins, merged, labels, highest, threshold, separation } = parts;
  if (frame <= 0) return { labels: mask, text: `Threshold: every pixel with a probability above ${threshold.toFixed(2)}.` };
  if (!separation.separate) return { labels, text: "This model does not separate touching nuclei: each connected area is one." };
  if (frame === 1) {
    const from = separation.has_heads ? "the network's own distance map" : "the distance from the edge of the mask";
    return { labels: basins.map((number, index) => (peaks[index] ? number : 0)), text: `Peaks: where ${from} is higher than all around.` };
  }
  if (frame < FLOODED + 1) {
    const level = highest * (1 - (frame - 1) / (FLOODED - 1));
    const wet = basins.map((number, index) => (distance[index] >= level ? number : 0));
    return { labels: wet, text: `Flooding: all that lies above ${(level / (highest || 1)).toFixed(2)} of the highest peak is wet.` };
  }
  if (frame === FLOODED + 1) return { labels: merged, text: `Merging: basins are one nucleus unless the valley between them falls by ${Math.round(100 * separation.min_valley_depth)} % of the lower peak.` };
  return { labels, text: `Leaving out: what is smaller than ${separation.min_area} pixels is no nucleus.` };
}
