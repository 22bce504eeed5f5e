// @ts-check
// From what a layer read to the value that it gave: each product, the sum, and each step after it.

/**
 * Work out the value at a place of a layer, in double precision.
 * @param {Record<string, any>} window As unet/activations/window.py describes it, its arrays under `arrays`.
 * @param {number} row
 * @param {number} column
 * @returns {{ terms: { channel: number, dy: number, dx: number, row: number, column: number, value: number,
 *   weight: number, outside: boolean }[], steps: { name: string, kind: string, value: number, shown: number,
 *   step: any }[] }}
 */
export function workedOut(window, row, column) {
  const { base, steps, area, arrays } = window;
  const terms = arrays.window ? termsAt(base, arrays, row, column) : [];
  const place = (row - area[0]) * area[3] + column - area[1];
  const shown = steps.map((_, index) => arrays[`step${index}`].values[place]);
  let value = shown[0];
  if (terms.length) {
    if (base.kind === "max pooling") value = Math.max(...terms.map((term) => term.value));
    else value = terms.reduce((sum, term) => sum + term.value * term.weight, steps[0].bias ?? 0);
  }
  const results = [value];
  for (const step of steps.slice(1)) results.push((value = applied(step, value)));
  return {
    terms,
    steps: steps.map((step, index) => ({
      name: step.name, kind: step.kind, value: results[index], shown: shown[index], step,
    })),
  };
}

function termsAt(base, arrays, row, column) {
  const [channels, height, width] = arrays.window.shape;
  const transposed = base.kind === "transposed convolution";
  const side = transposed ? 1 : base.side;
  const top = transposed ? Math.floor(row / base.stride) : row * base.stride - base.pads[0];
  const left = transposed ? Math.floor(column / base.stride) : column * base.stride - base.pads[1];
  const terms = [];
  for (let channel = 0; channel < channels; channel++) {
    for (let dy = 0; dy < side; dy++) {
      for (let dx = 0; dx < side; dx++) {
        const [y, x] = [top + dy, left + dx];
        const at = (channel * height + y - base.origin[0]) * width + x - base.origin[1];
        const [ky, kx] = transposed ? [row % base.stride, column % base.stride] : [dy, dx];
        const weight = arrays.kernel
          ? arrays.kernel.values[(channel * base.side + ky) * base.side + kx]
          : 1;
        const outside = y < 0 || x < 0 || y >= base.size[0] || x >= base.size[1];
        const value = arrays.window.values[at];
        terms.push({ channel: base.first + channel, dy, dx, row: y, column: x, value, weight, outside });
      }
    }
  }
  return terms;
}

/** @param {any} step @param {number} x */
export function applied(step, x) {
  if (step.kind === "normalisation") {
    return ((x - step.mean) / Math.sqrt(step.variance + step.epsilon)) * step.scale + step.shift;
  }
  return FUNCTIONS[step.function]?.(x) ?? x;
}

const FUNCTIONS = {
  relu: (x) => Math.max(x, 0),
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  elu: (x) => (x > 0 ? x : Math.expm1(x)),
  leaky_relu: (x) => (x > 0 ? x : 0.2 * x),
  silu: (x) => x / (1 + Math.exp(-x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: Math.tanh,
  gelu: (x) => (x * (1 + erf(x / Math.SQRT2))) / 2,
};

// By its series, which is exact to the last digits where it is used, and 1 far out.
function erf(x) {
  if (Math.abs(x) > 5) return Math.sign(x);
  let [sum, term] = [x, x];
  for (let n = 1; n < 200 && Math.abs(term) > 1e-17; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}
