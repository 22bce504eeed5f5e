// The threshold: its slider over the probabilities' histogram, its number and its keys. While it is moved nothing leaves the
// browser; the server learns it when it is let go, and answers with the objects of that threshold.

import { within } from "./numbers.js";

const QUIET = 250; // milliseconds after the last key until the threshold counts as chosen

export class Threshold {
  constructor(view) {
    this.view = view;
    this.pending = null; // what the server was told last, until it answers
    this.moving = false;
    this.listen();
  }

  // Take the server's word. What a hand that has moved on since has chosen is not taken back by an answer to its last choice.
  accept(value, isNewScene) {
    if (isNewScene || (this.pending === null && !this.moving)) this.value = value;
    if (isNewScene || this.pending === value) this.pending = null;
  }

  // Whether the objects that the server gave belong to it.
  get decided() {
    return this.value === this.view.data.threshold;
  }

  set(value, { chosen = false, later = false } = {}) {
    const wanted = Math.round(within(value, 0, 1) * 100) / 100;
    if (Number.isNaN(wanted)) return;
    this.value = wanted;
    this.show();
    this.view.draw();
    this.moving = true;
    clearTimeout(this.timer);
    if (chosen) this.choose();
    else if (later) this.timer = setTimeout(() => this.choose(), QUIET);
  }

  choose() {
    this.moving = false;
    if (this.value === (this.pending ?? this.view.data.threshold)) return;
    this.pending = this.value;
    this.view.tell("threshold", this.value);
    this.show();
  }

  // ---- drawing ----

  show() {
    const { value, view } = this;
    const { own } = view.data;
    const slider = view.find(".slider");
    slider.value = value;
    slider.setAttribute("aria-valuetext", value.toFixed(2));
    const number = view.find(".number");
    if (view.root.getRootNode().activeElement !== number) number.value = value.toFixed(2);
    view.find(".tick").style.setProperty("--at", own);
    const button = view.find(".own");
    button.textContent = `Model's own: ${own.toFixed(2)}`;
    button.disabled = value === own;
    view.find(".threshold").classList.toggle("updating", !this.decided || this.pending !== null);
    this.countAbove();
    view.look.showLegend();
  }

  // Of the pixels of a new scene.
  count(levels) {
    this.histogram = histogramOf(levels);
    this.drawHistogram();
    this.countAbove();
  }

  countAbove() {
    if (!this.histogram) return;
    const { sums, total } = this.histogram;
    const share = sums[Math.min(1000, Math.ceil(this.value * 1000))] / total;
    const updating = this.decided ? "" : " · updating the nuclei …";
    this.view.find(".share").textContent = `${(100 * share).toFixed(1)}% of the image lies above${updating}`;
  }

  drawHistogram() {
    if (!this.histogram) return;
    const canvas = this.view.find(".histogram");
    canvas.width = Math.max(1, Math.round(canvas.clientWidth * devicePixelRatio));
    canvas.height = Math.max(1, Math.round(canvas.clientHeight * devicePixelRatio));
    const context = canvas.getContext("2d");
    context.fillStyle = getComputedStyle(canvas).color;
    const { bins } = this.histogram;
    // By the logarithm: nearly all pixels are near 0 and 1, and the few between are those that a move decides about.
    const most = Math.log1p(Math.max(...bins));
    const wide = canvas.width / bins.length;
    bins.forEach((count, index) => {
      const high = (canvas.height * Math.log1p(count)) / most;
      context.fillRect(index * wide, canvas.height - high, Math.max(1, wide - 0.5), high);
    });
  }

  // ---- events ----

  listen() {
    const { find, on } = this.view;
    on(find("[data-act=own]"), "click", () => this.set(this.view.data.own, { chosen: true }));
    const slider = find(".slider");
    on(slider, "input", () => this.set(Number(slider.value)));
    on(slider, "change", () => this.set(Number(slider.value), { later: this.byKey, chosen: !this.byKey }));
    on(slider, "pointerdown", () => (this.byKey = false));
    on(slider, "keydown", (event) => this.onKey(event));
    const number = find(".number");
    on(number, "change", () => this.set(Number(number.value), { chosen: true }));
    on(number, "keydown", (event) => {
      event.stopPropagation(); // some keys are Streamlit's shortcuts
      if (event.key === "Enter") this.set(Number(number.value), { chosen: true });
    });
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 };
    this.byKey = true;
    event.stopPropagation();
    let wanted;
    if (event.key in steps) wanted = this.value + (steps[event.key] * (event.shiftKey ? 10 : 1)) / 100;
    else if (event.key === "Home") wanted = 0;
    else if (event.key === "End") wanted = 1;
    else return;
    event.preventDefault();
    this.set(wanted, { later: true });
  }
}

/**
 * The highest level that does not lie above a threshold; as in unet/prediction/maps.py.
 * @param {number} threshold
 */
export function cutOf(threshold) {
  return Math.floor(threshold * 65535 + 1e-6);
}

/**
 * How many pixels have which probability: in a hundred bins, and how many lie at or above each thousandth.
 * @param {Uint16Array} levels
 */
export function histogramOf(levels) {
  const fine = new Uint32Array(1001);
  for (let index = 0; index < levels.length; index++) fine[Math.floor(levels[index] / 65.535 + 1e-9)]++;
  const sums = new Float64Array(1002);
  for (let index = 1000; index >= 0; index--) sums[index] = sums[index + 1] + fine[index];
  const bins = Array.from({ length: 100 }, (_, bin) => fine.subarray(10 * bin, 10 * bin + 10).reduce((sum, count) => sum + count, 0));
  bins[99] += fine[1000];
  return { bins, sums, total: levels.length };
}
