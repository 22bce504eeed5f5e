// What is shown of a picture, and how: its layers, their opacity, the line to compare at, brightness and contrast.

import { NEGATIVE_COLOR, POSITIVE_COLOR } from "./marker.js";
import { short, within } from "./numbers.js";

const LETTERS = { fill: "m", outline: "o", heat: "p", objects: "n" };
/** @type {Looks} */
export const AT_FIRST = { layers: "mo", opacity: 0.4, wipe: null, brightness: 0, contrast: 1 };

/**
 * @typedef {{ layers: string, opacity: number, wipe: number | null, brightness: number, contrast: number }} Looks
 */

/**
 * Read a look as it stands in the address: layers_opacity_wipe_brightness_contrast. What makes no sense there changes nothing.
 * @param {string} text
 * @returns {Partial<Looks>}
 */
export function parseLook(text) {
  const [layers, ...texts] = text.split("_");
  const [opacity, wipe, brightness, contrast] = texts.map(Number);
  if (!/^[mopn]*$/.test(layers) || texts.length !== 4 || ![opacity, brightness, contrast].every(Number.isFinite)) return {};
  return {
    layers,
    opacity: within(opacity, 0, 1),
    wipe: Number.isFinite(wipe) && texts[1] !== "" ? within(wipe, 0, 1) : null,
    brightness: within(brightness, -0.8, 0.8),
    contrast: within(contrast, 0.2, 6),
  };
}

/**
 * Write a look for the address; nothing where it is as at first.
 * @param {Looks} look
 */
export function writeLook(look) {
  const text = inAddress(look);
  return text === inAddress(AT_FIRST) ? "" : text;
}

/** @param {Looks} look */
function inAddress({ layers, opacity, wipe, brightness, contrast }) {
  return [layers, short(opacity), wipe === null ? "" : short(wipe), short(brightness), short(contrast)].join("_");
}

export class Look {
  constructor(view, text) {
    this.view = view;
    this.now = { ...AT_FIRST, ...parseLook(text) };
    this.show();
    this.listen();
  }

  get text() {
    return writeLook(this.now);
  }

  get layers() {
    return Object.fromEntries(Object.entries(LETTERS).map(([name, letter]) => [name, this.now.layers.includes(letter)]));
  }

  change(changes) {
    this.follow(changes);
    this.view.write();
  }

  // Look so, without a word to the address or to another viewer.
  follow(changes) {
    Object.assign(this.now, changes);
    this.show();
    if (this.view.data) this.showLegend();
    this.view.draw();
  }

  toggle(name) {
    if (name === "wipe") return this.change({ wipe: this.now.wipe === null ? 0.5 : null });
    const letter = LETTERS[name];
    const { layers } = this.now;
    this.change({ layers: layers.includes(letter) ? layers.replace(letter, "") : layers + letter });
  }

  // ---- drawing ----

  show() {
    const { layers, now, view } = this;
    for (const button of view.root.querySelectorAll("[data-layer]")) {
      const name = button.dataset.layer;
      button.setAttribute("aria-pressed", name === "wipe" ? now.wipe !== null : layers[name]);
    }
    for (const input of view.root.querySelectorAll("[data-look]")) input.value = now[input.dataset.look];
    const divider = view.find(".divider");
    divider.hidden = now.wipe === null;
    divider.style.left = `${100 * (now.wipe ?? 0)}%`;
    divider.setAttribute("aria-valuenow", Math.round(100 * (now.wipe ?? 0)));
  }

  showLegend() {
    const { data, colors, heat, marker, threshold } = this.view;
    const { layers } = this;
    const above = `probability above ${threshold.value.toFixed(2)}`;
    const rgb = (table, index) => `rgb(${[...table.subarray(3 * index, 3 * index + 3)].join(" ")})`;
    const swatch = (index) => rgb(colors, index);
    const parts = [];
    if (layers.heat) {
      const stops = Array.from({ length: 9 }, (_, index) => rgb(heat, 31 * index));
      parts.push(["ramp", `linear-gradient(to right, ${stops.join(", ")})`, "probability 0 to 1", threshold.value]);
      if (layers.outline) parts.push(["swatch", "#fff", above]);
    } else if (layers.fill || layers.outline) {
      if (marker.about) parts.push(["swatch", swatch(POSITIVE_COLOR), `positive: ${marker.words}`], ["swatch", swatch(NEGATIVE_COLOR), "negative"]);
      const names = marker.about ? [] : data.classes > 1 ? Array.from({ length: data.classes }, (_, index) => `class ${index + 1}`) : [above];
      names.forEach((name, index) => parts.push(["swatch", swatch(index % 7), name]));
    }
    if (layers.objects) parts.push(["swatch", `linear-gradient(135deg, ${[8, 9, 12].map(swatch).join(", ")})`, "each nucleus"]);
    if (data.kept) parts.push(["faint", "transparent", "faint: left out"]);
    if (data.selected) parts.push(["swatch", "#fff", `white rim: nucleus ${data.selected}`]);
    if (data.stretched) parts.push(["note", "", "contrast stretched for display"]);
    this.view.find(".legend").replaceChildren(...parts.map((part) => legendPart(...part)));
  }

  // ---- events ----

  listen() {
    const { root, find, on } = this.view;
    for (const button of root.querySelectorAll("[data-layer]")) on(button, "click", () => this.toggle(button.dataset.layer));
    for (const input of root.querySelectorAll("[data-look]")) {
      on(input, "input", () => this.change({ [input.dataset.look]: Number(input.value) }));
    }
    const { brightness, contrast } = AT_FIRST;
    on(find("[data-act=reset-image]"), "click", () => this.change({ brightness, contrast }));
    const divider = find(".divider");
    on(divider, "pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    on(divider, "pointermove", (event) => {
      if (!divider.hasPointerCapture(event.pointerId)) return;
      const box = find(".picture").getBoundingClientRect();
      this.change({ wipe: within((event.clientX - box.left) / box.width, 0, 1) });
    });
    on(divider, "keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.change({ wipe: within(this.now.wipe + step, 0, 1) });
    });
  }
}

function legendPart(kind, color, words, at) {
  const part = document.createElement("span");
  if (kind !== "note") {
    const sample = document.createElement("i");
    sample.className = kind;
    sample.style.background = color;
    if (at !== undefined) sample.style.setProperty("--at", at);
    part.append(sample);
  }
  part.append(words);
  return part;
}
