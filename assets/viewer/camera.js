// Which part of the picture is seen: zooming, moving, and what pointers and keys over the picture mean.

const MOST = 40; // pixels of the screen for one of the picture
const STEP = 1.5;

class Camera {
  constructor(view, text) {
    this.view = view;
    this.pointers = new Map();
    this.place = Camera.parse(text); // centre in shares of the picture, and zoom; null: all of it
    for (const button of view.root.querySelectorAll("[data-step]")) {
      view.on(button, "click", () => this.step(button.dataset.step));
    }
  }

  // As it stands in the address: x_y_zoom.
  static parse(text) {
    const [x, y, zoom] = text.split("_").map(Number);
    return [x, y, zoom].every(Number.isFinite) && zoom > 1 ? { x, y, zoom: Math.min(zoom, 1000) } : null;
  }

  get text() {
    return this.place ? [this.place.x, this.place.y, this.place.zoom].map(short).join("_") : "";
  }

  get canvas() {
    return this.view.find(".picture");
  }

  // Where the picture lies on the canvas: its left and top in pixels of the picture, and the canvas's pixels for one of them.
  get geometry() {
    const { canvas } = this;
    const [height, width] = this.view.data.shown;
    const fit = Math.min(canvas.width / width, canvas.height / height);
    const { x, y, zoom } = this.place ?? { x: 0.5, y: 0.5, zoom: 1 };
    const scale = fit * zoom;
    return { left: x * width - canvas.width / 2 / scale, top: y * height - canvas.height / 2 / scale, scale, fit };
  }

  // ---- zooming and moving ----

  zoomBy(factor, x = 0.5, y = 0.5) {
    const { canvas } = this;
    const { left, top, scale, fit } = this.geometry;
    const { shown, size } = this.view.data;
    const [height, width] = shown;
    // What lies under the pointer, here in pixels of the canvas, stays there.
    const across = x * canvas.width;
    const down = y * canvas.height;
    const most = (MOST * this.view.ratio * size[1]) / width;
    const wanted = within(scale * factor, fit, Math.max(fit, most));
    if (wanted <= fit * 1.001) return this.goTo(null);
    this.goTo({
      x: (left + across / scale + (canvas.width / 2 - across) / wanted) / width,
      y: (top + down / scale + (canvas.height / 2 - down) / wanted) / height,
      zoom: wanted / fit,
    });
  }

  goTo(place) {
    if (place) {
      const { canvas } = this;
      const [height, width] = this.view.data.shown;
      const scale = this.geometry.fit * place.zoom;
      const keep = (value, seen) => (seen >= 1 ? 0.5 : within(value, seen / 2, 1 - seen / 2));
      place.x = keep(place.x, canvas.width / scale / width);
      place.y = keep(place.y, canvas.height / scale / height);
    }
    this.place = place;
    this.view.draw();
    this.view.write();
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
    on(picture, "dblclick", (event) => (this.place ? this.goTo(null) : this.zoomBy(3, ...this.share(event))));
    on(picture, "keydown", (event) => this.onKey(event));
    on(picture, "pointerdown", (event) => this.onDown(event));
    on(picture, "pointermove", (event) => this.onMove(event));
    on(picture, "pointerup", (event) => this.onUp(event));
    on(picture, "pointercancel", (event) => this.pointers.delete(event.pointerId));
    on(picture, "pointerleave", () => (find(".readout").textContent = ""));
  }

  // Where an event is, as shares of the canvas.
  share(event) {
    const box = this.canvas.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
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
    else if (event.key === "Escape" && this.view.data.selected) this.view.tell("selected", 0);
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
    if (!before) return this.view.readOut(now);
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
    this.view.select(this.share(event));
  }
}
