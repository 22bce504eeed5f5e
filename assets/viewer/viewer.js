// Shows an image and what a model found in it. The threshold is applied here, at every frame.

import { Camera } from "./camera.js";
import { fromBase64, inflated, joined } from "./codec.js";
import { Editor } from "./editor.js";
import { percent } from "./geometry.js";
import { Look } from "./look.js";
import { Marker } from "./marker.js";
import { openPainter, openWithoutCard } from "./painter.js";
import { PlainPainter } from "./plain_painter.js";
import { around } from "./raster.js";
import { paintRegions } from "./regions.js";
import { Threshold, cutOf } from "./threshold.js";

const SHARP = 3; // pixels of the screen for one of the picture, from which on pixels are shown as they are
/** @typedef {import("./raster.js").Box} Box */

const RIM = 1.7; // pixels of the screen

export function showViewer({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  const view = (root.view ??= new View(root));
  view.tell = setTriggerValue;
  view.update(data);
  return () => {
    root.view = null;
    view.close();
  };
}

class View {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.ending = new AbortController();
    this.on = (target, kind, act, options = {}) =>
      target.addEventListener(kind, act, { ...options, signal: this.ending.signal });
    this.found = {};
    this.changes = []; // in label maps, since the last frame
    /** @type {(event: string, value: unknown) => void} */
    this.tell = () => {}; // the server, once there is something to show
    const [look, place] = (new URLSearchParams(location.search).get("look") ?? window.unetLook ?? "").split("@");
    this.look = new Look(this, look);
    this.camera = new Camera(this, place ?? "");
    this.threshold = new Threshold(this);
    this.marker = new Marker(this);
    this.editor = new Editor(this);
    this.on(window, "unet-scene", (event) => {
      if (event.detail === this.data?.scene) this.showScene();
    });
    // Of two models on one image, both are seen at one place and in one way.
    this.on(window, "unet-look", ({ detail: other }) => {
      if (other === this || !this.data || other.data?.name !== this.data.name) return;
      this.look.follow(other.look.now);
      this.camera.follow(other.camera.place);
    });
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.find(".frame"));
  }

  close() {
    this.ending.abort();
    clearTimeout(this.writing); // another page may have the address by then
    this.watcher.disconnect();
  }

  // Pixels of the canvas for one of the page: without a graphics card, no more than needed.
  get ratio() {
    return this.painter instanceof PlainPainter ? 1 : devicePixelRatio;
  }

  get scene() {
    return window.unetScenes?.get(this.data?.scene);
  }

  // ---- what the server says ----

  async update(data) {
    const before = this.data;
    const isNewScene = before?.scene !== data.scene;
    this.data = data;
    if (before && isNewScene) this.camera.place = null;
    if (isNewScene) this.found = {}; // not for a moment the objects of another image
    if (!this.painter) {
      this.painter = openPainter(this.find(".picture"), new URLSearchParams(location.search).get("painter"));
      this.camera.listen(this.find(".picture"));
      this.colors = fromBase64(data.colors);
      this.heat = fromBase64(data.heat);
    }
    this.threshold.accept(data.threshold, isNewScene);
    if (data.labels !== before?.labels || isNewScene || this.editor.hasLost) {
      const wanted = data.labels;
      const [height, width] = data.shown;
      const labels = wanted ? joined(await inflated(fromBase64(wanted)), Uint32Array, height * width) : null;
      if (this.data.labels !== wanted) return; // others came meanwhile
      this.found = { ...this.found, labels };
    }
    this.kept = data.kept ? fromBase64(data.kept) : null;
    this.marker.accept(data);
    this.mark();
    this.root.style.setProperty("--taken", data.taken);
    this.root.style.setProperty("--aspect", data.shown[1] / data.shown[0]);
    this.editor.accept();
    this.resize();
    this.threshold.show();
    this.find(".said").textContent = data.selected ? `Nucleus ${data.selected} is chosen, of ${data.count}.` : "";
    this.showScene();
    if (data.selected && data.selected !== before?.selected && data.center) this.camera.bringIntoView(data.center);
    this.askForDetail();
    this.write(); // the server writes an address without it
  }

  // Take over which nuclei are kept, and which are positive.
  mark() {
    this.found = { ...this.found, flags: this.marker.flags, flagsWidth: this.data.kept_width };
    this.draw();
  }

  showScene() {
    const { scene } = this;
    this.find(".waiting").hidden = Boolean(scene);
    this.find(".picture").setAttribute("aria-label", this.words());
    if (!scene) return;
    if (this.drawn !== scene) {
      this.drawn = scene;
      this.threshold.count(scene.levels);
      this.askForDetail();
    }
    this.draw();
  }

  words() {
    const { data } = this;
    const many = data.count === null ? "" : `, ${data.count} nuclei`;
    return `${data.name}: the image and what was found in it at threshold ${this.threshold.value.toFixed(2)}${many}. Plus and minus zoom, the arrow keys move, 0 shows all of it; N and P choose the next nucleus and the one before, Escape lets it go.`;
  }

  // ---- drawing ----

  /** @param {Box | null} area Which alone looks otherwise than before, in pixels of the picture; null: all may. */
  draw(area = null) {
    this.area = this.frame ? around(this.area, area) : area;
    this.frame ??= requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  // What a correction has changed in the label maps: nothing else is brought to the card, or painted.
  showChange(change) {
    if (!change) return this.draw();
    const width = this.data.shown[1];
    let area = change.whole.box(width);
    this.changes.push({ labels: change.whole.labels, width, ...area });
    const { detail } = this.scene;
    if (change.near && change.near.labels === detail?.labels) {
      const [rows, columns] = detail.shown;
      const [left, top, wide, high] = detail.place;
      const box = change.near.box(columns);
      this.changes.push({ labels: detail.labels, width: columns, ...box });
      const [across, down] = [wide / columns, high / rows];
      area = around(area, {
        left: left + box.left * across,
        top: top + box.top * down,
        right: left + box.right * across,
        bottom: top + box.bottom * down,
      });
    }
    this.draw(area);
  }

  paint() {
    const { scene, data, threshold } = this;
    if (!scene || !this.painter) return;
    if (this.painter.lost) {
      this.painter = openWithoutCard(this.find(".picture"));
      this.camera.listen(this.find(".picture"));
    }
    const fresh = threshold.decided && Boolean(this.found.labels);
    const { left, top, scale } = this.camera.geometry;
    const detail = this.camera.place ? scene.detail : null;
    this.painter.paint(scene, this.found, {
      ...this.look.now,
      layers: this.look.layers,
      left,
      top,
      scale,
      sharp: Math.max(scale, detail ? (scale * detail.place[2]) / detail.shown[1] : 0) >= SHARP * this.ratio,
      rim: RIM * this.ratio,
      cut: cutOf(threshold.value),
      fresh,
      detail,
      detailFresh: Boolean(detail?.labels) && detail.decision === data.decision && fresh,
      selected: data.selected,
      heat: this.heat,
      colors: this.colors,
      background: this.ground ??= groundOf(this.root),
      only: this.area,
      changes: this.changes,
    });
    this.changes = [];
    this.showScale(scale);
    this.sketch();
  }

  // What lies over the picture: regions, and what is being drawn.
  sketch() {
    const sketch = this.find(".sketch");
    const { width, height } = this.find(".picture");
    if (sketch.width !== width || sketch.height !== height) Object.assign(sketch, { width, height });
    const context = sketch.getContext("2d");
    context.clearRect(0, 0, width, height);
    if (!this.data) return;
    const { left, top, scale } = this.camera.geometry;
    const factor = this.data.size[1] / this.data.shown[1];
    const sight = { left: left * factor, top: top * factor, scale: scale / factor, ratio: this.ratio };
    paintRegions(context, this.data.regions ?? [], sight, this.found.flags ?? null);
    this.editor.paintOver(context, sight);
  }

  resize() {
    const canvas = this.find(".picture");
    const width = Math.round(canvas.clientWidth * this.ratio);
    const height = Math.round(canvas.clientHeight * this.ratio);
    if (width && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
    this.ground = null;
    if (this.data) {
      this.threshold.drawHistogram();
      this.draw();
    }
  }

  showScale(scale) {
    const { pixel_size: pixelSize, shown, size } = this.data;
    this.find(".zoom").textContent = percent(scale / this.ratio, shown, size);
    this.find(".picture").classList.toggle("zoomed", Boolean(this.camera.place));
    const bar = this.find(".scale");
    bar.hidden = !pixelSize;
    if (!pixelSize) return;
    const micrometre = ((scale / this.ratio) * (shown[1] / size[1])) / pixelSize;
    const length = roundLength(120 / micrometre);
    bar.querySelector("i").style.width = `${length * micrometre}px`;
    bar.querySelector("span").textContent = length >= 1000 ? `${length / 1000} mm` : `${length} µm`;
  }

  // Look and place into the address itself: no word of them goes to the server.
  write() {
    // For the view that takes this one's place at the next image: the server writes an address without it.
    window.unetLook = this.look.text;
    window.dispatchEvent(new CustomEvent("unet-look", { detail: this }));
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      const url = new URL(location.href);
      const place = this.camera.text && `@${this.camera.text}`;
      if (this.look.text || place) url.searchParams.set("look", this.look.text + place);
      else url.searchParams.delete("look");
      if (url.href !== location.href) history.replaceState(history.state, "", url);
    }, 200);
  }

  forgetDetail() {
    this.scene.detail = null;
    this.asked = null;
    this.draw();
  }

  // ---- a large image: what is seen, at full resolution ----

  askForDetail() {
    clearTimeout(this.asking);
    const { data, scene } = this;
    if (!scene || data.size[1] <= data.shown[1]) return;
    this.asking = setTimeout(() => {
      const canvas = this.find(".picture");
      const { left, top, scale } = this.camera.geometry;
      const factor = data.size[1] / data.shown[1];
      if (scale <= 1) return; // the reduced view is enough
      const box = [left, top, canvas.width / scale, canvas.height / scale].map((value) => Math.round(value * factor));
      const wanted = JSON.stringify([data.scene, data.decision, box]);
      if (wanted === this.asked) return;
      this.asked = wanted;
      window.dispatchEvent(new CustomEvent("unet-region", { detail: { scene: data.scene, box } }));
    }, 350);
  }

  // ---- what lies under the pointer ----

  // What is known of a place, in shares of the canvas; null beside the picture.
  at([across, down]) {
    const { scene } = this;
    if (!scene) return null;
    const canvas = this.find(".picture");
    const { left, top, scale } = this.camera.geometry;
    const [height, width] = scene.shown;
    const x = left + (across * canvas.width) / scale;
    const y = top + (down * canvas.height) / scale;
    if (x < 0 || y < 0 || x >= width || y >= height) return null;
    const index = Math.floor(y) * width + Math.floor(x);
    const factor = this.data.size[1] / width;
    const start = scene.channels * index;
    return {
      x: Math.floor(x * factor),
      y: Math.floor(y * factor),
      values: [...scene.image.subarray(start, start + Math.min(3, scene.channels))],
      probability: scene.levels[index] / 65535,
      label: this.threshold.decided ? (this.found.labels?.[index] ?? 0) : 0,
    };
  }

  readOut(place) {
    const at = this.at(place);
    this.find(".readout").textContent = at
      ? `x ${at.x}, y ${at.y} · value ${at.values.join(" ")} · probability ${at.probability.toFixed(3)}${at.label ? ` · nucleus ${at.label}` : ""}`
      : "";
  }

  select(place) {
    const at = this.at(place);
    if (!at || !this.found.labels || !this.threshold.decided) return;
    this.data.selected = at.label === this.data.selected ? 0 : at.label;
    this.draw();
    this.editor.show();
    this.tell("selected", this.data.selected);
  }

  // Choose the next nucleus, or the one before: of those that a filter keeps, round and round.
  selectNext(step) {
    const { highest, selected } = this.data;
    const { kept } = this;
    const { labels } = this.found;
    if (!highest || !labels || !this.threshold.decided) return;
    let number = selected ?? (step > 0 ? 0 : 1);
    for (let tries = 0; tries < highest; tries++) {
      number = ((number - 1 + step + highest) % highest) + 1;
      // Of nuclei that were corrected by hand, numbers may be missing.
      if ((!kept || kept[number]) && labels.includes(number)) return this.tell("selected", number);
    }
  }
}

// 1, 2 or 5 times a power of ten, and not above a length.
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return Number((power * ([5, 2].find((step) => step * power <= most) ?? 1)).toPrecision(1));
}

function groundOf(root) {
  const color = getComputedStyle(root.querySelector(".frame")).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0];
  return color.slice(0, 3).map((value) => Number(value) / 255);
}
