// @ts-check
// Positive and negative nuclei: told by the mean of a channel, at every frame while its level is moved.

import { fromBase64 } from "./codec.js";

// What is said of a nucleus by its number: whether a filter keeps it, whether it has a class, and which.
const KEPT_BIT = 1;
const TOLD_BIT = 2;
const POSITIVE_BIT = 4;
const STEPS = 200; // of the slider
const BINS = 60; // of the histogram above it
export const NEGATIVE_COLOR = 1; // places in the table of colours
export const POSITIVE_COLOR = 5;

/**
 * @param {Uint8Array | null} kept 1 for each number that a filter keeps; null keeps all.
 * @param {Float32Array | null} means Of the marker's channel, by number; NaN where there is none.
 * @param {number} level
 * @param {number} width Of a row of what is returned, which has a whole number of them, and one for numbers to come.
 * @returns {Uint8Array | null} Null where there is nothing to say.
 */
export function flagsOf(kept, means, level, width) {
  if (!kept && !means) return null;
  const length = Math.max(kept?.length ?? 0, means?.length ?? 0);
  const flags = new Uint8Array((Math.ceil(length / width) + 1) * width).fill(KEPT_BIT);
  if (kept) flags.set(kept);
  means?.forEach((mean, number) => {
    if (mean > level) flags[number] |= TOLD_BIT | POSITIVE_BIT;
    else if (mean <= level) flags[number] |= TOLD_BIT;
  });
  return flags;
}

/**
 * A step of a slider between two values: 1, 10, 100 or 0.1 and so on.
 * @param {number} low
 * @param {number} high
 */
export function stepOf(low, high) {
  return high > low ? 10 ** Math.floor(Math.log10((high - low) / STEPS)) : 1;
}

/**
 * How many of the nuclei that a filter keeps have a class, and how many of them are positive.
 * @param {Uint8Array} flags
 * @returns {[number, number]}
 */
export function countOf(flags) {
  let told = 0;
  let positive = 0;
  for (const flag of flags) {
    if ((flag & KEPT_BIT) === 0 || (flag & TOLD_BIT) === 0) continue;
    told += 1;
    if (flag & POSITIVE_BIT) positive += 1;
  }
  return [told, positive];
}

const PARTS = `<div class="head">
<label for="level">Positive above</label>
<input class="number" type="number" step="any" aria-label="Level of positive nuclei, as a number" />
<span class="share" aria-live="polite"></span></div>
<div class="track"><canvas class="histogram" aria-hidden="true"></canvas>
<input id="level" class="slider" type="range" aria-label="Level of positive nuclei" /></div>`;

/** @typedef {{ channel: number, level: number, low: number, high: number, means: string }} Told What the server says. */

export class Marker {
  /** @param {any} view */
  constructor(view) {
    this.view = view;
    /** @type {number | null} */
    this.pending = null; // what the server was told last, until it answers
    this.moving = false;
    this.value = 0;
    /** @type {Told | null} */
    this.about = null;
    /** @type {Float32Array | null} */
    this.means = null;
    /** @type {ReturnType<typeof partsOf> | null} */
    this.parts = null;
  }

  // Take the server's word, unless a hand is moving the level.
  accept(data) {
    /** @type {Told | null} */
    const said = data.marker ?? null;
    if (!said || this.pending === said.level) this.pending = null;
    if (said && said.means !== this.about?.means) this.means = new Float32Array(fromBase64(said.means).buffer);
    if (said?.channel !== this.about?.channel) this.moving = false;
    if (said && this.pending === null && !this.moving) this.value = said.level;
    this.about = said;
    if (said) return this.show();
    this.means = null;
    this.parts?.root.remove();
    this.parts = null;
  }

  get flags() {
    return flagsOf(this.view.kept, this.means, this.value, this.view.data.kept_width);
  }

  get words() {
    return `mean of channel ${this.about?.channel} above ${this.text}`;
  }

  get text() {
    return String(Number(this.value.toPrecision(4)));
  }

  /**
   * @param {number} value
   * @param {boolean} chosen Whether the hand has let go of it.
   */
  set(value, chosen) {
    if (!this.about || !Number.isFinite(value)) return;
    this.value = Number(value.toPrecision(6)); // as it stands in the address
    this.moving = !chosen;
    this.view.mark();
    this.show();
    this.view.look.showLegend();
    if (!chosen || this.value === (this.pending ?? this.about.level)) return;
    this.pending = this.value;
    this.view.tell("level", this.value);
  }

  build() {
    const parts = partsOf();
    this.view.find(".threshold").after(parts.root);
    for (const input of [parts.slider, parts.number]) {
      this.view.on(input, "change", () => this.set(Number(input.value), true));
      this.view.on(input, "keydown", (event) => event.stopPropagation()); // some keys are Streamlit's shortcuts
    }
    this.view.on(parts.slider, "input", () => this.set(Number(parts.slider.value), false));
    return parts;
  }

  show() {
    if (!this.about) return;
    const { slider, number, share } = (this.parts ??= this.build());
    const { low, high } = this.about;
    const step = stepOf(low, high);
    // Whole steps, with one to spare on each side: so that all, or none, can be positive.
    const ends = { min: (Math.floor(low / step) - 1) * step, max: (Math.ceil(high / step) + 1) * step };
    Object.assign(slider, { ...ends, step, value: this.value });
    slider.setAttribute("aria-valuetext", this.text);
    if (this.view.root.getRootNode().activeElement !== number) number.value = this.text;
    const [told, positive] = countOf(this.flags ?? new Uint8Array());
    share.textContent = `${(told ? (100 * positive) / told : 0).toFixed(1)}% of ${told} nuclei are positive`;
    this.drawHistogram(ends.min, ends.max);
  }

  /**
   * @param {number} low
   * @param {number} high
   */
  drawHistogram(low, high) {
    const canvas = this.parts?.histogram;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    context.fillStyle = getComputedStyle(canvas).color;
    const bins = new Array(BINS).fill(0);
    for (const mean of this.means ?? []) {
      const bin = Math.floor((BINS * (mean - low)) / (high - low));
      if (Number.isFinite(mean)) bins[Math.min(BINS - 1, Math.max(0, bin))] += 1;
    }
    const most = Math.max(1, ...bins);
    const wide = canvas.width / BINS;
    bins.forEach((count, index) => {
      const tall = (canvas.height * count) / most;
      context.fillRect(index * wide, canvas.height - tall, Math.max(1, wide - 1), tall);
    });
  }
}

function partsOf() {
  const root = document.createElement("div");
  root.className = "threshold marker";
  root.innerHTML = PARTS;
  return {
    root,
    slider: /** @type {HTMLInputElement} */ (root.querySelector(".slider")),
    number: /** @type {HTMLInputElement} */ (root.querySelector(".number")),
    share: /** @type {HTMLElement} */ (root.querySelector(".share")),
    histogram: /** @type {HTMLCanvasElement} */ (root.querySelector(".histogram")),
  };
}
