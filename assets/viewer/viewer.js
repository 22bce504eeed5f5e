// Shows an image and what a model found in it. The threshold is applied here, at every frame; the server learns it when the
// slider is let go, and answers with the objects of that threshold.

const views = new WeakMap();
const MOST = 40; // pixels of the screen for one of the picture
const SHARP = 3; // from here on, pixels are shown as they are
const STEP = 1.5;
const RIM = 1.7; // pixels of the screen
const QUIET = 250; // milliseconds after the last key until the threshold counts as chosen
const LETTERS = { fill: "m", outline: "o", heat: "p", objects: "n" };
const AT_FIRST = { layers: "mo", opacity: 0.4, wipe: null, brightness: 0, contrast: 1 };

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".viewer");
  let view = views.get(root);
  if (!view) {
    view = new View(root);
    views.set(root, view);
  }
  view.tell = setTriggerValue;
  view.update(data);
  return () => {
    views.delete(root);
    view.close();
  };
}

class View {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    this.look = { ...AT_FIRST };
    this.place = null; // centre in shares of the picture, and zoom; null: all of it
    this.pointers = new Map();
    this.found = {};
    this.pending = null;
    this.ending = new AbortController();
    this.read();
    this.listen();
    this.watcher = new ResizeObserver(() => this.resize());
    this.watcher.observe(this.find(".frame"));
  }

  close() {
    this.ending.abort();
    this.watcher.disconnect();
  }

  // Pixels of the canvas for one of the page: without a graphics card, no more than needed.
  get ratio() {
    return this.painter instanceof PlainPainter ? 1 : devicePixelRatio;
  }

  // ---- what the server says ----

  async update(data) {
    const before = this.data;
    this.data = data;
    if (before && before.scene !== data.scene) {
      this.place = null;
      this.detail = null;
    }
    if (!this.painter) {
      this.painter = openPainter(this.find(".picture"), new URLSearchParams(location.search).get("painter"));
      this.listenToPicture();
      this.colors = fromBase64(data.colors);
      this.heat = fromBase64(data.heat);
    }
    // What a hand that has moved on since has chosen is not taken back by an answer to its last choice.
    if (before?.scene !== data.scene || (this.pending === null && !this.moving)) this.threshold = data.threshold;
    if (before?.scene !== data.scene || this.pending === data.threshold) this.pending = null;
    if (data.labels !== before?.labels || before?.scene !== data.scene) {
      const wanted = data.labels;
      const labels = wanted ? joined(await inflated(fromBase64(wanted)), Uint32Array) : null;
      if (this.data.labels !== wanted) return; // others came meanwhile
      this.found = { ...this.found, labels };
    }
    this.found.kept = data.kept ? fromBase64(data.kept) : null;
    this.found.keptWidth = data.kept_width;
    this.root.style.setProperty("--aspect", data.shown[1] / data.shown[0]);
    this.resize();
    this.showThreshold();
    this.showScene();
    if (data.selected && data.selected !== before?.selected && data.center) this.bringIntoView(data.center);
  }

  get scene() {
    return window.unetScenes?.get(this.data?.scene);
  }

  showScene() {
    const { scene } = this;
    this.find(".waiting").hidden = Boolean(scene);
    this.find(".picture").setAttribute("aria-label", this.words());
    if (!scene) return;
    if (this.drawn !== scene) {
      this.drawn = scene;
      this.histogram = histogramOf(scene.levels);
      this.drawHistogram();
      this.countAbove();
      this.findSeen();
    }
    this.draw();
  }

  words() {
    const { data } = this;
    const many = data.count === null ? "" : `, ${data.count} nuclei`;
    return `${data.name}: the image and what was found in it at threshold ${this.threshold.toFixed(2)}${many}. Plus and minus zoom, the arrow keys move, 0 shows all of it.`;
  }

  // ---- drawing ----

  draw() {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = null;
      this.paint();
    });
  }

  paint() {
    const { scene, data } = this;
    if (!scene || !this.painter) return;
    if (this.painter.lost) {
      // The card was taken away: go on without it, on a canvas that never had one.
      const fresh = this.find(".picture").cloneNode();
      this.find(".picture").replaceWith(fresh);
      this.painter = new PlainPainter(fresh);
      this.listenToPicture();
    }
    const fresh = this.threshold === data.threshold && Boolean(this.found.labels);
    const { left, top, scale } = this.geometry();
    const detail = this.detailNow();
    this.painter.paint(scene, this.found, {
      ...this.look,
      layers: Object.fromEntries(Object.entries(LETTERS).map(([name, letter]) => [name, this.look.layers.includes(letter)])),
      left,
      top,
      scale,
      sharp: Math.max(scale, detail ? (scale * detail.place[2]) / detail.shown[1] : 0) >= SHARP * this.ratio,
      rim: RIM * this.ratio,
      cut: cutOf(this.threshold),
      fresh,
      detail,
      detailFresh: Boolean(detail?.labels) && detail.decision === data.decision && fresh,
      selected: data.selected,
      heat: this.heat,
      colors: this.colors,
      background: this.ground ??= groundOf(this.root),
    });
    this.showAround(scale);
  }

  // Where the picture lies on the canvas: its left and top in pixels of the picture, and the canvas's pixels for one of them.
  geometry() {
    const canvas = this.find(".picture");
    const [height, width] = this.data.shown;
    const fit = Math.min(canvas.width / width, canvas.height / height);
    const { x, y, zoom } = this.place ?? { x: 0.5, y: 0.5, zoom: 1 };
    const scale = fit * zoom;
    return { left: x * width - canvas.width / 2 / scale, top: y * height - canvas.height / 2 / scale, scale, fit };
  }

  resize() {
    const canvas = this.find(".picture");
    const width = Math.round(canvas.clientWidth * this.ratio);
    const height = Math.round(canvas.clientHeight * this.ratio);
    if (width && (canvas.width !== width || canvas.height !== height)) Object.assign(canvas, { width, height });
    this.ground = null;
    if (this.data) {
      this.drawHistogram();
      this.draw();
    }
  }

  showAround(scale) {
    const zoom = this.place?.zoom ?? 1;
    this.find(".zoom").textContent = `${Math.round(zoom * 100)} %`;
    this.find(".picture").classList.toggle("zoomed", zoom > 1);
    const divider = this.find(".divider");
    divider.hidden = this.look.wipe === null;
    divider.style.left = `${100 * (this.look.wipe ?? 0)}%`;
    divider.setAttribute("aria-valuenow", Math.round(100 * (this.look.wipe ?? 0)));
    const bar = this.find(".scale");
    bar.hidden = !this.data.pixel_size;
    if (this.data.pixel_size) {
      const micrometre = (scale / this.ratio) * (this.data.shown[1] / this.data.size[1]) / this.data.pixel_size;
      const length = roundLength(120 / micrometre);
      bar.querySelector("i").style.width = `${length * micrometre}px`;
      bar.querySelector("span").textContent = length >= 1000 ? `${length / 1000} mm` : `${length} µm`;
    }
  }

  showThreshold() {
    const { data, threshold } = this;
    this.find(".slider").value = threshold;
    const number = this.find(".number");
    if (this.root.getRootNode().activeElement !== number) number.value = threshold.toFixed(2);
    this.find(".slider").setAttribute("aria-valuetext", threshold.toFixed(2));
    this.find(".tick").style.setProperty("--at", data.own);
    const own = this.find(".own");
    own.textContent = `Model's own: ${data.own.toFixed(2)}`;
    own.disabled = threshold === data.own;
    this.find(".threshold").classList.toggle("updating", threshold !== data.threshold || this.pending !== null);
    this.countAbove();
    this.showLegend();
  }

  countAbove() {
    if (!this.histogram) return;
    const { sums, total } = this.histogram;
    const share = sums[Math.min(1000, Math.ceil(this.threshold * 1000))] / total;
    const updating = this.threshold !== this.data.threshold ? " · updating the nuclei …" : "";
    this.find(".share").textContent = `${(100 * share).toFixed(1)} % of the image lies above${updating}`;
  }

  showLegend() {
    const legend = this.find(".legend");
    const { layers } = this.look;
    const above = `probability above ${this.threshold.toFixed(2)}`;
    const swatch = (index) => `rgb(${[...this.colors.subarray(3 * index, 3 * index + 3)].join(" ")})`;
    const parts = [];
    if (layers.includes("p")) {
      const stops = Array.from({ length: 9 }, (_, index) => `rgb(${[...this.heat.subarray(3 * 31 * index, 3 * 31 * index + 3)].join(" ")})`);
      parts.push(["ramp", `linear-gradient(to right, ${stops.join(", ")})`, "probability 0 to 1", this.threshold]);
      if (layers.includes("o")) parts.push(["swatch", "#fff", above]);
    } else if (layers.includes("m") || layers.includes("o")) {
      const names = this.data.classes > 1 ? Array.from({ length: this.data.classes }, (_, index) => `class ${index + 1}`) : [above];
      names.forEach((name, index) => parts.push(["swatch", swatch(index % 7), name]));
    }
    if (layers.includes("n")) parts.push(["swatch", `linear-gradient(135deg, ${[8, 9, 12].map(swatch).join(", ")})`, "each nucleus"]);
    if (this.data.kept) parts.push(["faint", "transparent", "faint: left out"]);
    if (this.data.selected) parts.push(["swatch", "#fff", `white rim: nucleus ${this.data.selected}`]);
    if (this.data.stretched) parts.push(["note", "", "brightness stretched to be seen"]);
    legend.replaceChildren(
      ...parts.map(([kind, color, words, at]) => {
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
      }),
    );
  }

  drawHistogram() {
    if (!this.histogram) return;
    const canvas = this.find(".histogram");
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

  // ---- the threshold ----

  setThreshold(value, { chosen = false, later = false } = {}) {
    const threshold = Math.round(Math.min(1, Math.max(0, value)) * 100) / 100;
    if (Number.isNaN(threshold)) return;
    this.threshold = threshold;
    this.showThreshold();
    this.draw();
    this.moving = true;
    clearTimeout(this.timer);
    if (chosen) this.choose();
    else if (later) this.timer = setTimeout(() => this.choose(), QUIET);
  }

  choose() {
    const { threshold } = this;
    this.moving = false;
    if (threshold === (this.pending ?? this.data.threshold)) return;
    this.pending = threshold;
    this.tell("threshold", threshold);
    this.showThreshold();
  }

  // ---- zooming ----

  zoomBy(factor, x, y) {
    const canvas = this.find(".picture");
    const { left, top, scale, fit } = this.geometry();
    const [height, width] = this.data.shown;
    // What lies under the pointer, here in pixels of the canvas, stays there.
    const across = (x ?? 0.5) * canvas.width;
    const down = (y ?? 0.5) * canvas.height;
    const most = (MOST * this.ratio * this.data.size[1]) / width;
    const wanted = Math.min(Math.max(scale * factor, fit), Math.max(fit, most));
    if (wanted <= fit * 1.001) return this.goTo(null);
    this.goTo({
      x: (left + across / scale + (canvas.width / 2 - across) / wanted) / width,
      y: (top + down / scale + (canvas.height / 2 - down) / wanted) / height,
      zoom: wanted / fit,
    });
  }

  goTo(place) {
    if (place) {
      const canvas = this.find(".picture");
      const [height, width] = this.data.shown;
      const scale = this.geometry().fit * place.zoom;
      const keep = (value, seen) => (seen >= 1 ? 0.5 : Math.min(1 - seen / 2, Math.max(seen / 2, value)));
      place.x = keep(place.x, canvas.width / scale / width);
      place.y = keep(place.y, canvas.height / scale / height);
    }
    this.place = place;
    this.draw();
    this.write();
    this.findSeen();
  }

  move(across, down) {
    if (!this.place) return;
    const { scale } = this.geometry();
    const [height, width] = this.data.shown;
    const canvas = this.find(".picture");
    this.goTo({
      ...this.place,
      x: this.place.x - (across * canvas.width) / scale / width,
      y: this.place.y - (down * canvas.height) / scale / height,
    });
  }

  bringIntoView([x, y, size]) {
    const { left, top, scale } = this.geometry();
    const canvas = this.find(".picture");
    const [height, width] = this.data.shown;
    const across = (x * width - left) * scale;
    const down = (y * height - top) * scale;
    const seen = across > 0 && down > 0 && across < canvas.width && down < canvas.height;
    // Too small to be noticed: come nearer, until it takes a twelfth of the picture.
    const far = size * width * scale < canvas.width / 30;
    if (seen && !far) return;
    const zoom = far ? canvas.width / 12 / (size * width) / this.geometry().fit : this.place?.zoom ?? 1;
    if (zoom > 1) this.goTo({ x, y, zoom: Math.min(zoom, MOST) });
  }

  // ---- a large image: what is seen, at full resolution ----

  findSeen() {
    clearTimeout(this.asking);
    const { data, scene } = this;
    if (!scene || data.size[1] <= data.shown[1]) return;
    this.asking = setTimeout(() => {
      const canvas = this.find(".picture");
      const { left, top, scale } = this.geometry();
      const factor = data.size[1] / data.shown[1];
      if (scale <= 1) return; // the reduced view is enough
      const box = [left, top, canvas.width / scale, canvas.height / scale].map((value) => Math.round(value * factor));
      const wanted = JSON.stringify([data.scene, data.decision, box]);
      if (wanted === this.asked) return;
      this.asked = wanted;
      window.dispatchEvent(new CustomEvent("unet-region", { detail: { scene: data.scene, box } }));
    }, 350);
  }

  detailNow() {
    const detail = this.scene?.detail;
    return detail && this.place ? detail : null;
  }

  // ---- the look, in the address ----

  read() {
    const [look, place] = (new URLSearchParams(location.search).get("look") ?? "").split("@");
    const [layers, ...numbers] = look.split("_");
    const [opacity, wipe, brightness, contrast] = numbers.map(Number);
    if (/^[mopn]*$/.test(layers) && numbers.length === 4 && numbers.slice(0, 1).concat(numbers.slice(2)).every((text) => Number.isFinite(Number(text)))) {
      this.look = {
        layers,
        opacity: Math.min(1, Math.max(0, opacity)),
        wipe: Number.isFinite(wipe) && numbers[1] !== "" ? Math.min(1, Math.max(0, wipe)) : null,
        brightness: Math.min(0.8, Math.max(-0.8, brightness)),
        contrast: Math.min(6, Math.max(0.2, contrast)),
      };
    }
    const [x, y, zoom] = (place ?? "").split("_").map(Number);
    if ([x, y, zoom].every(Number.isFinite) && zoom > 1) this.place = { x, y, zoom: Math.min(zoom, 1000) };
    this.showLook();
  }

  // Into the address itself: no word of it goes to the server.
  write() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      const { layers, opacity, wipe, brightness, contrast } = this.look;
      const short = (value) => String(Number(value.toFixed(4)));
      const look = [layers, short(opacity), wipe === null ? "" : short(wipe), short(brightness), short(contrast)].join("_");
      const place = this.place ? `@${short(this.place.x)}_${short(this.place.y)}_${short(this.place.zoom)}` : "";
      const url = new URL(location.href);
      const usual = look === "mo_0.4__0_1" && !place;
      if (usual) url.searchParams.delete("look");
      else url.searchParams.set("look", look + place);
      if (url.href !== location.href) history.replaceState(history.state, "", url);
    }, 200);
  }

  showLook() {
    for (const button of this.root.querySelectorAll("[data-layer]")) {
      const name = button.dataset.layer;
      const on = name === "wipe" ? this.look.wipe !== null : this.look.layers.includes(LETTERS[name]);
      button.setAttribute("aria-pressed", on);
    }
    for (const input of this.root.querySelectorAll("[data-look]")) input.value = this.look[input.dataset.look];
  }

  change(changes) {
    Object.assign(this.look, changes);
    this.showLook();
    if (this.data) this.showLegend();
    this.draw();
    this.write();
  }

  toggle(name) {
    if (name === "wipe") return this.change({ wipe: this.look.wipe === null ? 0.5 : null });
    const letter = LETTERS[name];
    const { layers } = this.look;
    this.change({ layers: layers.includes(letter) ? layers.replace(letter, "") : layers + letter });
  }

  // ---- events ----

  listen() {
    const on = (target, kind, act, options = {}) =>
      target.addEventListener(kind, act, { ...options, signal: this.ending.signal });
    this.on = on;
    on(window, "unet-scene", (event) => {
      if (event.detail === this.data?.scene) this.showScene();
    });
    for (const button of this.root.querySelectorAll("[data-layer]")) on(button, "click", () => this.toggle(button.dataset.layer));
    for (const button of this.root.querySelectorAll("[data-step]")) on(button, "click", () => this.step(button.dataset.step));
    for (const input of this.root.querySelectorAll("[data-look]")) {
      on(input, "input", () => this.change({ [input.dataset.look]: Number(input.value) }));
    }
    on(this.find("[data-act=reset-image]"), "click", () => this.change({ brightness: 0, contrast: 1 }));
    on(this.find("[data-act=own]"), "click", () => this.setThreshold(this.data.own, { chosen: true }));
    const slider = this.find(".slider");
    on(slider, "input", () => this.setThreshold(Number(slider.value)));
    on(slider, "change", () => this.setThreshold(Number(slider.value), { later: this.byKey, chosen: !this.byKey }));
    on(slider, "pointerdown", () => (this.byKey = false));
    on(slider, "keydown", (event) => this.onSliderKey(event));
    const number = this.find(".number");
    on(number, "change", () => this.setThreshold(Number(number.value), { chosen: true }));
    on(number, "keydown", (event) => {
      event.stopPropagation(); // some keys are Streamlit's shortcuts
      if (event.key === "Enter") this.setThreshold(Number(number.value), { chosen: true });
    });
    this.listenToDivider(on);
  }

  onSliderKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const steps = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 10, PageDown: -10 };
    this.byKey = true;
    event.stopPropagation();
    let wanted;
    if (event.key in steps) wanted = this.threshold + (steps[event.key] * (event.shiftKey ? 10 : 1)) / 100;
    else if (event.key === "Home") wanted = 0;
    else if (event.key === "End") wanted = 1;
    else return;
    event.preventDefault();
    this.setThreshold(wanted, { later: true });
  }

  listenToDivider(on) {
    const divider = this.find(".divider");
    const drag = (event) => {
      const box = this.find(".picture").getBoundingClientRect();
      this.change({ wipe: Math.min(1, Math.max(0, (event.clientX - box.left) / box.width)) });
    };
    on(divider, "pointerdown", (event) => divider.setPointerCapture(event.pointerId));
    on(divider, "pointermove", (event) => divider.hasPointerCapture(event.pointerId) && drag(event));
    on(divider, "keydown", (event) => {
      const step = { ArrowLeft: -0.05, ArrowRight: 0.05 }[event.key];
      if (!step) return;
      event.preventDefault();
      event.stopPropagation();
      this.change({ wipe: Math.min(1, Math.max(0, this.look.wipe + step)) });
    });
  }

  listenToPicture() {
    const picture = this.find(".picture");
    const { on } = this;
    on(picture, "wheel", (event) => this.onWheel(event), { passive: false });
    on(picture, "dblclick", (event) => (this.place ? this.goTo(null) : this.zoomBy(3, ...this.share(event))));
    on(picture, "keydown", (event) => this.onKey(event));
    on(picture, "pointerdown", (event) => this.onDown(event));
    on(picture, "pointermove", (event) => this.onMove(event));
    on(picture, "pointerup", (event) => this.onUp(event));
    on(picture, "pointercancel", (event) => this.pointers.delete(event.pointerId));
    on(picture, "pointerleave", () => (this.find(".readout").textContent = ""));
  }

  // Where an event is, as shares of the canvas.
  share(event) {
    const box = this.find(".picture").getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  step(kind) {
    if (kind === "fit") this.goTo(null);
    else this.zoomBy(kind === "in" ? STEP : 1 / STEP);
  }

  onWheel(event) {
    // At its smallest, turning on scrolls the page, as anywhere else.
    if (event.deltaY > 0 && !this.place) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    this.zoomBy(Math.exp(-event.deltaY * lines * 0.002), ...this.share(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
    const steps = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (event.key in moves && this.place) this.move(...moves[event.key]);
    else if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === "Escape" && this.data.selected) this.tell("selected", 0);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  onDown(event) {
    this.pointers.set(event.pointerId, this.share(event));
    this.pressed = this.pointers.size === 1 ? [event.clientX, event.clientY] : null;
    if (this.place || this.pointers.size > 1) event.currentTarget.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const now = this.share(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) return this.readOut(now);
    this.pointers.set(event.pointerId, now);
    if (this.pressed && Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]) > 4) this.pressed = null;
    if (this.pointers.size === 1) {
      if (!this.pressed) this.move(now[0] - before[0], now[1] - before[1]);
      return;
    }
    const [, other] = [...this.pointers].find(([id]) => id !== event.pointerId);
    const distance = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]);
    this.zoomBy(distance(now) / Math.max(distance(before), 0.01), ...other);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    if (!this.pressed) return;
    this.pressed = null;
    const at = this.at(this.share(event));
    if (!at || !this.found.labels || this.threshold !== this.data.threshold) return;
    this.tell("selected", at.label === this.data.selected ? 0 : at.label);
  }

  // What is known of a place on the canvas; null beside the picture.
  at([across, down]) {
    const { scene } = this;
    if (!scene) return null;
    const canvas = this.find(".picture");
    const { left, top, scale } = this.geometry();
    const [height, width] = scene.shown;
    const x = left + (across * canvas.width) / scale;
    const y = top + (down * canvas.height) / scale;
    if (x < 0 || y < 0 || x >= width || y >= height) return null;
    const index = Math.floor(y) * width + Math.floor(x);
    const factor = this.data.size[1] / width;
    const values = scene.channels < 3 ? [scene.image[index]] : [...scene.image.subarray(scene.channels * index, scene.channels * index + 3)];
    const label = this.threshold === this.data.threshold ? (this.found.labels?.[index] ?? 0) : 0;
    return { x: Math.floor(x * factor), y: Math.floor(y * factor), values, probability: scene.levels[index] / 65535, label };
  }

  readOut(place) {
    const at = this.at(place);
    this.find(".readout").textContent = at
      ? `x ${at.x}, y ${at.y} · value ${at.values.join(" ")} · probability ${at.probability.toFixed(3)}${at.label ? ` · nucleus ${at.label}` : ""}`
      : "";
  }
}

// ---- numbers ----

// The highest level that does not lie above a threshold; as in unet/prediction/maps.py.
function cutOf(threshold) {
  return Math.floor(threshold * 65535 + 1e-6);
}

function histogramOf(levels) {
  const fine = new Uint32Array(1001);
  for (let index = 0; index < levels.length; index++) fine[Math.floor(levels[index] / 65.535 + 1e-9)]++;
  const sums = new Float64Array(1002);
  for (let index = 1000; index >= 0; index--) sums[index] = sums[index + 1] + fine[index];
  const bins = Array.from({ length: 100 }, (_, bin) => fine.subarray(10 * bin, 10 * bin + 10).reduce((sum, count) => sum + count, 0));
  bins[99] += fine[1000];
  return { bins, sums, total: levels.length };
}

// 1, 2 or 5 times a power of ten, and not above a length.
function roundLength(most) {
  const power = 10 ** Math.floor(Math.log10(most));
  return Number((power * [5, 2, 1].find((step) => step * power <= most)).toPrecision(1));
}

function groundOf(root) {
  const color = getComputedStyle(root.querySelector(".frame")).backgroundColor.match(/[\d.]+/g) ?? [0, 0, 0];
  return color.slice(0, 3).map((value) => Number(value) / 255);
}
