// @ts-check
// The U-Net of the playground and its training: loss, Adam, and the tiny dataset of circles, rings and squares.

import { activated, bell, convolved, doubled, dropped, joinedMaps, maps, normalised, pooled, randomFrom, weights } from "./net.js";

export const SIDE = 64;

export const FRESH = {
  levels: 3, filters: 4, skips: true, activation: "relu", normalisation: true, loss: "cross-entropy",
  rate: 0.01, batch: 4, dropout: 0, noise: 0.1, images: 32,
};

/** An image of filled circles and squares, which are wanted, and rings, which are not; and the mask of those wanted. */
export function drawn(random, noise) {
  const image = new Float32Array(SIDE * SIDE);
  const mask = new Float32Array(SIDE * SIDE);
  const count = 3 + Math.floor(3 * random());
  for (let shape = 0; shape < count; shape++) {
    const [kind, size] = [Math.floor(3 * random()), 5 + 5 * random()];
    const [x, y, bright] = [size + (SIDE - 2 * size) * random(), size + (SIDE - 2 * size) * random(), 0.4 + 0.5 * random()];
    for (let at = 0; at < image.length; at++) {
      const [dx, dy] = [(at % SIDE) - x, Math.floor(at / SIDE) - y];
      const away = kind === 2 ? Math.max(Math.abs(dx), Math.abs(dy)) : Math.hypot(dx, dy);
      if (away > size) continue;
      const isHole = kind === 1 && away < size - 2.5;
      image[at] = isHole ? 0 : bright;
      mask[at] = kind === 1 ? 0 : 1;
    }
  }
  for (let at = 0; at < image.length; at++) image[at] += noise * bell(random);
  return { image, mask };
}

export class Trainer {
  /** @param {typeof FRESH} config @param {number} side */
  constructor(config, seed = 1, side = SIDE) {
    this.config = config;
    this.side = side;
    this.random = randomFrom(seed);
    this.steps = 0;
    this.history = []; // of training and validation loss
    const draw = randomFrom(1000); // the same images for all configurations
    this.validation = Array.from({ length: 8 }, () => drawn(draw, config.noise));
    this.training = Array.from({ length: config.images }, () => drawn(draw, config.noise));
    /** @type {import("./net.js").Weights[]} */
    this.parameters = [];
    const { down, up, last } = this.built();
    this.down = down;
    this.up = up;
    this.last = last;
  }

  /** How many numbers are learned. */
  get count() {
    return this.parameters.reduce((sum, each) => sum + each.data.length, 0);
  }

  /** Draw the weights of each layer at random (He, Zhang, Ren and Sun, ICCV 2015). */
  built() {
    const { levels, filters, skips, normalisation } = this.config;
    const convolution = (from, to, side = 3) => {
      const spread = Math.sqrt(2 / (from * side * side));
      const last = to * from * side * side;
      const found = weights(last + to, (_, at) => (at < last ? spread * bell(this.random) : 0));
      this.parameters.push(found);
      return { found, to, side };
    };
    const block = (from, to) => {
      const conv = convolution(from, to);
      const norm = normalisation ? weights(2 * to, (_, at) => (at < to ? 1 : 0)) : null;
      if (norm) this.parameters.push(norm);
      return { conv, norm };
    };
    const width = (level) => filters * 2 ** level;
    const down = Array.from({ length: levels }, (_, level) => [block(level ? width(level - 1) : 1, width(level)), block(width(level), width(level))]);
    const up = Array.from({ length: levels - 1 }, (_, level) => block(width(level + 1) + (skips ? width(level) : 0), width(level)));
    return { down, up, last: convolution(filters, 1, 1) };
  }

  /** @returns {{ logits: import("./net.js").Maps, tape: (() => void)[] }} */
  forward(image, learning) {
    const { config } = this;
    const tape = [];
    const run = (x, { conv, norm }) => {
      let y = convolved(x, conv.found, conv.to, conv.side, tape);
      if (norm) y = normalised(y, norm, tape);
      return activated(y, config.activation, tape);
    };
    let x = maps(1, this.side, this.side, image);
    const skips = [];
    this.down.forEach(([one, other], level) => {
      if (level) x = pooled(x, tape);
      x = run(x, one);
      if (learning) x = dropped(x, config.dropout, this.random, tape);
      x = run(x, other);
      skips.push(x);
    });
    for (let level = config.levels - 2; level >= 0; level--) {
      x = doubled(x, tape);
      if (config.skips) x = joinedMaps(x, skips[level], tape);
      x = run(x, this.up[level]);
    }
    return { logits: convolved(x, this.last.found, 1, 1, tape), tape };
  }

  /** The loss of one image; with a scale, its gradient is left in `logits.grad`. */
  lossOf(logits, mask, scale = 0) {
    const size = mask.length;
    const probability = logits.data.map((each) => 1 / (1 + Math.exp(-each)));
    if (this.config.loss === "dice") {
      let [both, sum] = [0, 1];
      probability.forEach((each, at) => {
        both += each * mask[at];
        sum += each + mask[at];
      });
      const dice = (2 * both + 1) / sum;
      if (scale) probability.forEach((each, at) => (logits.grad[at] = -scale * ((2 * mask[at] - dice) / sum) * each * (1 - each)));
      return 1 - dice;
    }
    let loss = 0;
    logits.data.forEach((each, at) => {
      loss += (Math.max(each, 0) - each * mask[at] + Math.log1p(Math.exp(-Math.abs(each)))) / size;
      if (scale) logits.grad[at] = (scale * (probability[at] - mask[at])) / size;
    });
    return loss;
  }

  /** One step: a batch forwards and backwards, then Adam (Kingma and Ba, 2015). */
  step() {
    const { batch, rate } = this.config;
    for (const each of this.parameters) each.grad.fill(0);
    let loss = 0;
    for (let index = 0; index < batch; index++) {
      const { image, mask } = this.training[Math.floor(this.random() * this.training.length)];
      const { logits, tape } = this.forward(image, true);
      loss += this.lossOf(logits, mask, 1 / batch) / batch;
      for (const back of tape.reverse()) back();
    }
    this.steps += 1;
    const [one, two] = [1 - 0.9 ** this.steps, 1 - 0.999 ** this.steps];
    for (const { data, grad, m, v } of this.parameters) {
      for (let at = 0; at < data.length; at++) {
        m[at] = 0.9 * m[at] + 0.1 * grad[at];
        v[at] = 0.999 * v[at] + 0.001 * grad[at] * grad[at];
        data[at] -= (rate * (m[at] / one)) / (Math.sqrt(v[at] / two) + 1e-8);
      }
    }
    return loss;
  }

  /** Loss and Dice on images that it does not learn from. */
  validate() {
    let [loss, both, sum] = [0, 0, 0];
    for (const { image, mask } of this.validation) {
      const { logits } = this.forward(image, false);
      loss += this.lossOf(logits, mask) / this.validation.length;
      logits.data.forEach((each, at) => {
        both += 2 * Number(each > 0) * mask[at];
        sum += Number(each > 0) + mask[at];
      });
    }
    return { loss, dice: sum ? both / sum : 1 };
  }

  /** Probabilities of an image, 0 to 255. */
  predicted(image) {
    return Uint8Array.from(this.forward(image, false).logits.data, (each) => 255 / (1 + Math.exp(-each)));
  }
}
