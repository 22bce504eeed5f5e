// Which part of the picture is seen: zooming, moving, and what pointers and keys over the picture mean.

import { clamped, geometryOf, parsePlace, writePlace, zoomed } from "./geometry.js";

const MOST = 40; // pixels of the screen for one of the picture
const STEP = 1.5;

export class Camera {
  constructor(view, text) {
    this.view = view;
    this.pointers = new Map();
    this.place = parsePlace(text);
    for (const button of view.root.querySelectorAll("[data-step]")) {
      view.on(button, "click", () => this.step(button.dataset.step));
    }
  }

  get text() {
    return writePlace(this.place);
  }

  get canvas() {
    return this.view.find(".picture");
  }

  get picture() {
    const [height, width] = this.view.data.shown;
    return { width, height };
  }

  get geometry() {
    return geometryOf(this.place, this.canvas, this.picture);
  }

  // ---- zooming and moving ----

  zoomBy(factor, x = 0.5, y = 0.5) {
    const { shown, size } = this.view.data;
    const most = (MOST * this.view.ratio * size[1]) / shown[1];
    this.goTo(zoomed(this.place, factor, [x, y], this.canvas, this.picture, most));
  }

  goTo(place) {
    this.follow(place && clamped(place, this.canvas, this.picture));
    this.view.write();
  }

  // Look there, without a word to the address or to another viewer.
  follow(place) {
    this.place = place && { ...place };
    this.view.draw();
    this.view.askForDetail();
  }

  move(across, down) {
    if (!this.place) return;
    const { canvas } = this;
    const { scale } = this.geometry;
    const [height, width] = this.view.data.shown;
    this.goTo({
      ...this.place,
      x: this.place.x - (across * canvas.width) / scale / width,
      y: this.place.y - (down * canvas.height) / scale / height,
    });
  }

  step(kind) {
    if (kind === "fit") this.goTo(null);
    else this.zoomBy(kind === "in" ? STEP : 1 / STEP);
  }

  // Show a nucleus, by its middle and extent in shares of the picture.
  bringIntoView([x, y, size]) {
    const { canvas } = this;
    const { left, top, scale, fit } = this.geometry;
    const [height, width] = this.view.data.shown;
    const across = (x * width - left) * scale;
    const down = (y * height - top) * scale;
    const seen = across > 0 && down > 0 && across < canvas.width && down < canvas.height;
    // Too small to be noticed: come nearer, until it takes a twelfth of the picture.
    const far = size * width * scale < canvas.width / 30;
    if (seen && !far) return;
    const zoom = far ? canvas.width / 12 / (size * width) / fit : (this.place?.zoom ?? 1);
    if (zoom > 1) this.goTo({ x, y, zoom: Math.min(zoom, MOST) });
  }

  // ---- events ----

  // Of a canvas, which is a new one where the painter changes.
  listen(picture) {
    const { on, find } = this.view;
    on(picture, "wheel", (event) => this.onWheel(event), { passive: false });
    on(picture, "dblclick", (event) => this.onDouble(event));
    on(picture, "keydown", (event) => this.onKey(event));
    on(picture, "pointerdown", (event) => this.onDown(event));
    on(picture, "pointermove", (event) => this.onMove(event));
    on(picture, "pointerup", (event) => this.onUp(event));
    on(picture, "pointercancel", (event) => this.onCancel(event));
    on(picture, "pointerleave", () => (find(".readout").textContent = ""));
  }

  // Where an event is, as shares of the canvas.
  share(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  onDouble(event) {
    if (this.view.editor.on) return; // two quick clicks of a tool
    if (this.place) this.goTo(null);
    else this.zoomBy(3, ...this.share(event));
  }

  onCancel(event) {
    this.pointers.delete(event.pointerId);
    this.drawing = false;
    this.view.editor.drop();
  }

  onWheel(event) {
    if (this.view.editor.onWheel(event)) return event.preventDefault();
    // At its smallest, turning on scrolls the page, as anywhere else.
    if (event.deltaY > 0 && !this.place) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    this.zoomBy(Math.exp(-event.deltaY * lines * 0.002), ...this.share(event));
  }

  onKey(event) {
    if (this.view.editor.onKey(event)) {
      event.preventDefault();
      event.stopPropagation();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
    const steps = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (event.key in moves && this.place) this.move(...moves[event.key]);
    else if (event.key in steps) this.step(steps[event.key]);
    else if (event.key === "n" || event.key === "p") this.view.selectNext(event.key === "n" ? 1 : -1);
    else if (event.key === "Escape" && this.view.data.selected) this.view.tell("selected", 0);
    else return;
    event.preventDefault();
    event.stopPropagation();
  }

  onDown(event) {
    this.pointers.set(event.pointerId, this.share(event));
    // A second finger moves the picture, whatever the first was drawing.
    if (this.drawing) this.view.editor.drop();
    this.drawing = this.pointers.size === 1 && this.view.editor.down(event);
    this.pressed = this.pointers.size === 1 && !this.drawing ? [event.clientX, event.clientY] : null;
    if (this.place || this.drawing || this.pointers.size > 1) event.currentTarget.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const now = this.share(event);
    const before = this.pointers.get(event.pointerId);
    if (!before) {
      this.view.editor.over(event);
      return this.view.readOut(now);
    }
    this.pointers.set(event.pointerId, now);
    if (this.drawing) return this.view.editor.move(event);
    if (this.pressed && Math.hypot(event.clientX - this.pressed[0], event.clientY - this.pressed[1]) > 4) this.pressed = null;
    if (this.pointers.size === 1) {
      if (!this.pressed) this.move(now[0] - before[0], now[1] - before[1]);
      return;
    }
    const other = [...this.pointers].find(([id]) => id !== event.pointerId)?.[1] ?? now;
    // What lay between the fingers stays between them: they zoom and move at once.
    const { width, height } = this.canvas;
    const distance = (from) => Math.hypot((from[0] - other[0]) * width, (from[1] - other[1]) * height);
    const middle = [(before[0] + other[0]) / 2, (before[1] + other[1]) / 2];
    this.zoomBy(distance(now) / Math.max(distance(before), 1), ...middle);
    this.move((now[0] - before[0]) / 2, (now[1] - before[1]) / 2);
  }

  onUp(event) {
    this.pointers.delete(event.pointerId);
    if (this.drawing) {
      this.drawing = false;
      return this.view.editor.up(event);
    }
    if (!this.pressed) return;
    this.pressed = null;
    this.view.select(this.share(event));
  }
}
