// @ts-check
// Small rules for numbers.

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function within(value, low, high) {
  return Math.min(high, Math.max(low, value));
}

/**
 * A number as it stands in the address: four decimals at most.
 * @param {number} value
 */
export function short(value) {
  return String(Number(value.toFixed(4)));
}
