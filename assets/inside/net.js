// @ts-check
// A small U-Net that trains in the browser: a tape of operations, each of which knows its derivative.

/** @typedef {{ data: Float32Array, grad: Float32Array, c: number, h: number, w: number }} Maps */
/** @typedef {{ data: Float32Array, grad: Float32Array, m: Float32Array, v: Float32Array }} Weights */

// Numbers at random from a seed (mulberry32), the same in every browser.
export function randomFrom(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

export const bell = (random) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** @returns {Maps} */
export function maps(c, h, w, data = new Float32Array(c * h * w)) {
  return { data, grad: new Float32Array(c * h * w), c, h, w };
}

/** @returns {Weights} */
export function weights(count, fill) {
  const data = Float32Array.from({ length: count }, fill);
  return { data, grad: new Float32Array(count), m: new Float32Array(count), v: new Float32Array(count) };
}

/** A convolution of odd side that keeps height and width; weights (out, in, side, side), then biases. */
export function convolved(x, p, out, side, tape) {
  const { c, h, w } = x;
  const y = maps(out, h, w);
  const half = side >> 1;
  const bias = out * c * side * side;
  const each = (act) => {
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < c; i++) {
        for (let ky = 0; ky < side; ky++) {
          for (let kx = 0; kx < side; kx++) {
            const [dy, dx] = [ky - half, kx - half];
            act(o, ((o * c + i) * side + ky) * side + kx, i * h * w + dy * w + dx, Math.max(0, -dy), Math.min(h, h - dy), Math.max(0, -dx), Math.min(w, w - dx));
          }
        }
      }
    }
  };
  for (let o = 0; o < out; o++) y.data.fill(p.data[bias + o], o * h * w, (o + 1) * h * w);
  each((o, k, shift, top, bottom, left, right) => {
    const [weight, from, to, start] = [p.data[k], x.data, y.data, o * h * w];
    for (let row = top; row < bottom; row++) {
      const line = row * w;
      for (let at = line + left; at < line + right; at++) to[start + at] += weight * from[shift + at];
    }
  });
  tape.push(() => {
    for (let o = 0; o < out; o++) {
      let sum = 0;
      for (let at = o * h * w; at < (o + 1) * h * w; at++) sum += y.grad[at];
      p.grad[bias + o] += sum;
    }
    each((o, k, shift, top, bottom, left, right) => {
      const [weight, from, back, grad, start] = [p.data[k], x.data, x.grad, y.grad, o * h * w];
      let sum = 0;
      for (let row = top; row < bottom; row++) {
        const line = row * w;
        for (let at = line + left; at < line + right; at++) {
          const g = grad[start + at];
          sum += g * from[shift + at];
          back[shift + at] += g * weight;
        }
      }
      p.grad[k] += sum;
    });
  });
  return y;
}

/** Each map shifted and scaled to mean 0 and variance 1, then by its own two weights. */
export function normalised(x, p, tape) {
  const { c, h, w } = x;
  const [y, size, even] = [maps(c, h, w), h * w, new Float32Array(x.data.length)];
  const spreads = new Float32Array(c);
  for (let i = 0; i < c; i++) {
    let [mean, square] = [0, 0];
    for (let at = i * size; at < (i + 1) * size; at++) mean += x.data[at] / size;
    for (let at = i * size; at < (i + 1) * size; at++) square += (x.data[at] - mean) ** 2 / size;
    spreads[i] = Math.sqrt(square + 1e-3);
    for (let at = i * size; at < (i + 1) * size; at++) {
      even[at] = (x.data[at] - mean) / spreads[i];
      y.data[at] = even[at] * p.data[i] + p.data[c + i];
    }
  }
  tape.push(() => {
    for (let i = 0; i < c; i++) {
      let [sum, along] = [0, 0];
      for (let at = i * size; at < (i + 1) * size; at++) {
        sum += y.grad[at];
        along += y.grad[at] * even[at];
      }
      p.grad[i] += along;
      p.grad[c + i] += sum;
      for (let at = i * size; at < (i + 1) * size; at++) {
        x.grad[at] += (p.data[i] / spreads[i]) * (y.grad[at] - sum / size - (even[at] * along) / size);
      }
    }
  });
  return y;
}

const FUNCTIONS = {
  relu: [(x) => (x > 0 ? x : 0), (x) => (x > 0 ? 1 : 0)],
  elu: [(x) => (x > 0 ? x : Math.expm1(x)), (x, y) => (x > 0 ? 1 : y + 1)],
  tanh: [Math.tanh, (x, y) => 1 - y * y],
  none: [(x) => x, () => 1],
};

export function activated(x, name, tape) {
  const y = maps(x.c, x.h, x.w);
  const [value, slope] = FUNCTIONS[name];
  for (let at = 0; at < y.data.length; at++) y.data[at] = value(x.data[at]);
  tape.push(() => {
    for (let at = 0; at < y.data.length; at++) x.grad[at] += y.grad[at] * slope(x.data[at], y.data[at]);
  });
  return y;
}

export function dropped(x, share, random, tape) {
  if (!share) return x;
  const y = maps(x.c, x.h, x.w);
  const kept = Float32Array.from(y.data, () => (random() < share ? 0 : 1 / (1 - share)));
  for (let at = 0; at < kept.length; at++) y.data[at] = x.data[at] * kept[at];
  tape.push(() => {
    for (let at = 0; at < kept.length; at++) x.grad[at] += y.grad[at] * kept[at];
  });
  return y;
}

export function pooled(x, tape) {
  const [h, w] = [x.h / 2, x.w / 2];
  const y = maps(x.c, h, w);
  const best = new Int32Array(y.data.length);
  for (let at = 0; at < best.length; at++) {
    const [i, row, column] = [Math.floor(at / (h * w)), Math.floor(at / w) % h, at % w];
    let first = (i * x.h + 2 * row) * x.w + 2 * column;
    for (const each of [first + 1, first + x.w, first + x.w + 1]) if (x.data[each] > x.data[first]) first = each;
    best[at] = first;
    y.data[at] = x.data[first];
  }
  tape.push(() => best.forEach((from, at) => (x.grad[from] += y.grad[at])));
  return y;
}

/** Twice as large: each value stands in four places. */
export function doubled(x, tape) {
  const y = maps(x.c, x.h * 2, x.w * 2);
  const from = (at) => {
    const [i, row, column] = [Math.floor(at / (y.h * y.w)), Math.floor(at / y.w) % y.h, at % y.w];
    return (i * x.h + (row >> 1)) * x.w + (column >> 1);
  };
  for (let at = 0; at < y.data.length; at++) y.data[at] = x.data[from(at)];
  tape.push(() => {
    for (let at = 0; at < y.data.length; at++) x.grad[from(at)] += y.grad[at];
  });
  return y;
}

export function joinedMaps(one, other, tape) {
  const y = maps(one.c + other.c, one.h, one.w);
  y.data.set(one.data);
  y.data.set(other.data, one.data.length);
  tape.push(() => {
    for (let at = 0; at < one.grad.length; at++) one.grad[at] += y.grad[at];
    for (let at = 0; at < other.grad.length; at++) other.grad[at] += y.grad[one.grad.length + at];
  });
  return y;
}
