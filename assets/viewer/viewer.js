// Shows an image in layers, in one panel or in several whose zoom is linked. Streamlit calls the default function each
// time its data change; the zoom stays until another image comes, which is why it is kept beside the element.

const views = new WeakMap();
const MOST = 32; // times
const STEP = 1.5;

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".viewer");
  let view = views.get(root);
  if (!view) {
    view = new View(root);
    views.set(root, view);
  }
  view.update(data);
}

class View {
  constructor(root) {
    this.root = root;
    this.zoom = 1;
    this.left = 0; // of what is seen, as shares of the image
    this.top = 0;
    this.pointers = new Map();
    for (const button of root.querySelectorAll("button")) {
      button.addEventListener("click", () => this.step(button.dataset.step));
    }
    new ResizeObserver(() => this.draw()).observe(root);
  }

  update(data) {
    this.data = data;
    if (data.revision !== this.revision) {
      this.revision = data.revision;
      Object.assign(this, { zoom: 1, left: 0, top: 0 });
    }
    this.root.style.setProperty("--aspect", data.width / data.height);
    this.root.style.setProperty("--tallest", data.panels.length > 1 ? "56vh" : "64vh");
    this.fit(this.root.querySelector(".panels"), data.panels.length, () => this.newPanel());
    data.panels.forEach((wanted, index) => {
      const stage = this.root.querySelectorAll(".stage")[index];
      this.fit(stage, wanted.layers.length, () => document.createElement("img"));
      // An element that stays goes on showing the old picture until the new one is decoded: nothing flickers.
      wanted.layers.forEach((source, layer) => {
        const image = stage.children[layer];
        image.alt = layer ? "" : wanted.alt;
        image.draggable = false;
        if (image.src !== source) image.src = source;
      });
    });
    this.drawRamp(data.ramp);
    this.draw();
  }

  fit(parent, count, make) {
    while (parent.children.length > count) parent.lastElementChild.remove();
    while (parent.children.length < count) parent.append(make());
  }

  newPanel() {
    const panel = document.createElement("figure");
    panel.className = "panel";
    panel.tabIndex = 0;
    panel.setAttribute("aria-label", "Picture. Plus and minus zoom, the arrow keys move, 0 shows all of it.");
    const stage = document.createElement("div");
    stage.className = "stage";
    panel.append(stage);
    panel.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    panel.addEventListener("dblclick", (event) => this.onDoubleClick(event));
    panel.addEventListener("keydown", (event) => this.onKey(event));
    panel.addEventListener("pointerdown", (event) => this.onDown(event));
    panel.addEventListener("pointermove", (event) => this.onMove(event));
    for (const end of ["pointerup", "pointercancel"]) {
      panel.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    return panel;
  }

  // ---- zooming: x and y are shares of the panel ----

  zoomTo(zoom, x = 0.5, y = 0.5) {
    const wanted = Math.min(MOST, Math.max(1, zoom));
    // What lies under the pointer stays there.
    this.left += x / this.zoom - x / wanted;
    this.top += y / this.zoom - y / wanted;
    this.zoom = wanted;
    this.draw();
  }

  move(x, y) {
    this.left -= x / this.zoom;
    this.top -= y / this.zoom;
    this.draw();
  }

  step(kind) {
    this.zoomTo(kind === "in" ? this.zoom * STEP : kind === "out" ? this.zoom / STEP : 1);
  }

  draw() {
    const most = 1 - 1 / this.zoom;
    this.left = Math.min(most, Math.max(0, this.left));
    this.top = Math.min(most, Math.max(0, this.top));
    const { zoom } = this;
    for (const stage of this.root.querySelectorAll(".stage")) {
      stage.style.transform = `scale(${zoom}) translate(${-100 * this.left}%, ${-100 * this.top}%)`;
    }
    const panel = this.root.querySelector(".panel");
    // Enlarged a lot, pixels are shown as they are; a little, they would only look jagged.
    const enlarged = panel && this.data ? (panel.clientWidth * zoom) / this.data.width : 1;
    this.root.classList.toggle("pixels", enlarged >= 4);
    this.root.classList.toggle("zoomed", zoom > 1);
    this.root.querySelector(".zoom").textContent = `${Math.round(zoom * 100)} %`;
  }

  drawRamp(ramp) {
    const place = this.root.querySelector(".ramp");
    place.hidden = !ramp;
    if (!ramp) return;
    place.querySelector(".colors").style.background = `linear-gradient(to right, ${ramp.colors.join(", ")})`;
    place.querySelector("i").style.left = `${100 * ramp.threshold}%`;
  }

  // ---- events ----

  place(event) {
    const box = event.currentTarget.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  }

  onWheel(event) {
    // At its smallest, turning on scrolls the page, as anywhere else.
    if (event.deltaY > 0 && this.zoom === 1) return;
    event.preventDefault();
    const lines = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? 20 : 1;
    this.zoomTo(this.zoom * Math.exp(-event.deltaY * lines * 0.002), ...this.place(event));
  }

  onDoubleClick(event) {
    this.zoomTo(this.zoom > 1 ? 1 : 3, ...this.place(event));
  }

  onKey(event) {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const moves = { ArrowLeft: [0.1, 0], ArrowRight: [-0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] };
    const steps = { "+": "in", "=": "in", "-": "out", 0: "fit" };
    if (event.key in moves && this.zoom > 1) this.move(...moves[event.key]);
    else if (event.key in steps) this.step(steps[event.key]);
    else return;
    event.preventDefault();
    event.stopPropagation(); // some keys are Streamlit's shortcuts
  }

  onDown(event) {
    this.pointers.set(event.pointerId, this.place(event));
    if (this.zoom > 1 || this.pointers.size > 1) event.currentTarget.setPointerCapture(event.pointerId);
  }

  onMove(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.place(event);
    this.pointers.set(event.pointerId, now);
    if (this.pointers.size === 1) {
      if (this.zoom > 1) this.move(now[0] - before[0], now[1] - before[1]);
      return;
    }
    const [, other] = [...this.pointers].find(([id]) => id !== event.pointerId);
    const distance = (from) => Math.hypot(from[0] - other[0], from[1] - other[1]);
    this.zoomTo((this.zoom * distance(now)) / Math.max(distance(before), 0.01), ...other);
  }
}
