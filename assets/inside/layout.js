// @ts-check
// Where each stack of the U stands: levels below each other, the contracting path left, the expanding path right.

const GAP = 10;
export const LABEL = 60; // what “16² × 128” takes
const LEAST = 14; // pixels; what would be smaller is drawn so, to be seen and touched

/**
 * @param {{ layer: string, level: number, side: string, size: number[] }[]} stacks
 * @param {number} width Of the drawing, in pixels.
 * @returns {{ places: Record<string, { x: number, y: number, side: number, depth: number }>, height: number }}
 */
export function placed(stacks, width) {
  const rows = new Map();
  for (const stack of stacks) {
    const key = `${stack.level}${stack.side === "up" ? "up" : "down"}`;
    rows.set(key, [...(rows.get(key) ?? []), stack]);
  }
  const deepest = Math.max(...stacks.map((stack) => stack.level));
  const inTop = stacks.filter((stack) => stack.level === 0).length;
  const largest = Math.max(LEAST, Math.min(130, (width - GAP) / Math.max(inTop + 0.6, 4) - GAP));
  const sideOf = (level) => Math.max(LEAST, largest / 2 ** level);
  /** @type {Record<string, { x: number, y: number, side: number, depth: number }>} */
  const places = {};
  let y = 22;
  for (let level = 0; level <= deepest; level++) {
    const side = sideOf(level);
    const step = Math.max(side + GAP, width >= 900 ? LABEL : 26);
    const down = rows.get(`${level}down`) ?? [];
    const up = rows.get(`${level}up`) ?? [];
    const room = (count) => count * step;
    // Each level begins a little further in, so that the whole makes a U.
    const inset = Math.min((width / 2 - room(Math.max(down.length, up.length))) * (level / (deepest + 1)), width / 3);
    const left = Math.max(2, inset);
    const right = Math.max(left + room(down.length) + GAP, width - Math.max(2, inset) - room(up.length));
    const middle = level === deepest && !up.length ? (width - room(down.length)) / 2 : left;
    down.forEach((stack, index) => put(stack, middle + index * step));
    up.forEach((stack, index) => put(stack, right + index * step));
    function put(stack, x) {
      places[stack.layer] = { x, y, side, depth: Math.min(4, Math.ceil(Math.log2(stack.size[0] + 1) / 2)) };
    }
    y += side + 34;
  }
  return { places, height: y };
}

/** All stacks that one comes from, and all that come from it. */
export function related(stacks, layer) {
  const by = new Map(stacks.map((stack) => [stack.layer, stack]));
  const from = new Set(by.get(layer)?.inputs ?? []);
  const to = new Set(stacks.filter((stack) => stack.inputs.includes(layer)).map((stack) => stack.layer));
  return { from, to };
}
