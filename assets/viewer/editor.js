// @ts-check
// Edit mode: tools that correct the nuclei, drawn here at once and kept by the server when the pointer is let go.

import { correct, eighth, isKnown, placed } from "./operations.js";
import { short } from "./numbers.js";
import { Patch } from "./patch.js";
import { cornersOf, strokeLine } from "./regions.js";
import { ACTS, ENDS, HELP, REGION_TOOLS, WIDE, wordsOf } from "./tools.js";

/**
 * @typedef {import("./raster.js").Point} Point
 * @typedef {import("./operations.js").Operation} Operation
 * @typedef {{ whole: Patch, near: Patch | null }} Change Of all of the image, and of the part of a large one that is known in full.
 */

const APART = 0.25; // pixels of the picture between two points of a line

export class Editor {
  /** @param {any} view */
  constructor(view) {
    this.view = view;
    this.tool = "select";
    this.on = false;
    this.queue = []; // steps that the server has not taken yet
    /** @type {(Change | undefined)[]} */
    this.past = []; // what each step has changed; of those before a reload only the server knows
    /** @type {(Change | undefined)[]} */
    this.future = []; // and those that were undone
    /** @type {Point[] | null} */
    this.line = null; // what is being drawn, in pixels of the image
    /** @type {Point[]} */
    this.corners = []; // what was clicked for a tool that takes several clicks
    /** @type {Point | null} */
    this.hover = null;
    /** @type {Point[] | null} */
    this.waiting = null; // a region, or two clicks, that the server has not answered to
    this.share = 0.5; // of the probability under a click: what counts as the same nucleus
    this.listen();
  }

  get edit() {
    return this.view.data?.edit;
  }

  // ---- what the server says ----

  // Take over what the server keeps. While it has not seen all steps yet, what is shown here is ahead of its answer.
  accept() {
    const { edit, view } = this;
    if (!edit) this.turn(false);
    const button = view.find("[data-act=edit]");
    button.disabled = !edit;
    button.title = edit ? "Correct the nuclei and draw regions (E, in the picture)" : view.data.no_edit;
    const settled = new Set([...(edit?.done ?? []), ...(edit?.refused ?? [])]);
    const isSame = edit?.basis === this.basis;
    this.queue = isSame ? this.queue.filter((step) => !settled.has(step.id)) : [];
    if (!isSame || this.isRefused) [this.past, this.future] = [[], []];
    if (this.queue.length) view.found = { ...view.found, labels: this.ahead };
    else this.answered(edit);
    // What is known in full is ahead as well; it is asked for anew all the same.
    if (isSame && this.aheadNear && view.scene?.detail === this.aheadNear) {
      if (this.isRefused) view.forgetDetail();
      else this.aheadNear.decision = view.data.decision;
    }
    this.basis = edit?.basis;
    if (edit?.error && edit.error !== this.error) this.say(edit.error);
    this.error = edit?.error;
    // An answer without them: they may have been lost on the way, and what is kept already is not taken twice.
    if (this.queue.length) this.send();
    this.show();
  }

  get isRefused() {
    return Boolean(this.edit?.refused.length);
  }

  // Whether what was changed here in the labels that are seen, the server does not keep.
  get hasLost() {
    return Boolean(this.ahead) && this.ahead === this.view.found.labels && (this.edit?.basis !== this.basis || this.isRefused);
  }

  answered(edit) {
    if (this.isSplitting && edit && !edit.error) this.say(wordsOf({ kind: "seeds" }, Math.max(1, edit.next - this.next)));
    this.isSplitting = false;
    this.next = edit?.next;
    this.waiting = null;
  }

  // ---- steps ----

  /** @param {Operation} operation */
  do(operation) {
    const { found, scene, data } = this.view;
    const [height, width] = data.shown;
    const now = { labels: found.labels, width, height, next: this.next, levels: scene.levels };
    const after = correct(now, placed(operation, 1 / this.factor));
    if (!after && isKnown(operation.kind) && this.factor === 1) return this.say("That changes nothing.");
    const near = this.near && this.correctNear(operation);
    this.isSplitting = operation.kind === "seeds";
    if (this.isSplitting) this.waiting = operation.points ?? null;
    this.say(wordsOf(operation, after ? after.next - this.next : undefined));
    if (after) this.next = after.next;
    const change = { whole: after?.patch ?? new Patch(found.labels).remember(operation.numbers ?? []), near };
    this.past.push(change);
    this.future = [];
    this.keep({ do: "apply", operation }, change);
  }

  get near() {
    const { data, scene } = this.view;
    return scene?.detail?.labels && scene.detail.decision === data.decision ? scene.detail : null;
  }

  // Where that part begins in the image.
  get corner() {
    const [left, top] = this.near.place;
    return [Math.round(left * this.factor), Math.round(top * this.factor)];
  }

  correctNear(operation) {
    const { labels, levels, shown } = this.near;
    const now = { labels, levels, width: shown[1], height: shown[0], next: this.next };
    return correct(now, placed(operation, 1, this.corner))?.patch ?? new Patch(labels).remember(operation.numbers ?? []);
  }

  undo() {
    if (!this.edit.undo && !this.queue.length) return;
    // A split that the server has not answered yet is no longer waited for.
    this.isSplitting = false;
    this.waiting = null;
    const change = this.past.pop();
    this.future.push(change);
    change?.whole.undo(this.view.found.labels);
    if (this.isSeen(change?.near)) change?.near?.undo(this.near.labels);
    this.keep({ do: "undo", count: 1 }, change);
    this.say("Undone.");
  }

  get canRedo() {
    return this.edit?.redo || this.queue.at(-1)?.do === "undo";
  }

  redo() {
    if (!this.canRedo) return;
    const change = this.future.pop();
    this.past.push(change);
    change?.whole.redo(this.view.found.labels);
    if (this.isSeen(change?.near)) change?.near?.redo(this.near.labels);
    this.keep({ do: "redo", count: 1 }, change);
    this.say("Redone.");
  }

  // Whether what is known in full is still the part of the image that a step has changed.
  isSeen(near) {
    return Boolean(near) && this.near?.labels === near.labels;
  }

  // Show what a step has changed, and hand it to the server.
  keep(step, change) {
    this.queue.push({ ...step, id: Math.random().toString(36).slice(2, 12) });
    this.ahead = this.view.found.labels;
    this.aheadNear = this.isSeen(change?.near) ? this.near : null;
    this.view.showChange(change);
    this.send();
    this.show();
  }

  send() {
    this.view.tell("correction", { basis: this.basis, revision: this.edit.revision, steps: this.queue });
  }

  // A region belongs to the image, and is no step that undo takes back.
  addRegion(points) {
    const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)];
    const isFlat = [xs, ys].every((values) => values.every((value) => value === values[0]));
    if (points.length < 3 || isFlat) return this.say(HELP[this.tool][1]);
    this.waiting = points;
    this.view.tell("region", { points, id: Math.random() });
    this.say("Region added; its name and what is in it stand below the picture.");
    this.paint();
  }

  closePolygon() {
    const { corners } = this;
    if (corners.length < 3) return this.say(HELP.polygon[1]);
    this.cancel();
    this.addRegion(corners);
  }

  // ---- drawing ----

  turn(on) {
    if (this.on === on) return;
    this.on = on;
    this.cancel();
    this.show();
  }

  choose(tool) {
    this.tool = tool;
    this.cancel();
    this.show();
    this.say(HELP[tool][1]);
  }

  show() {
    const { find, root } = this.view;
    find("[data-act=edit]").setAttribute("aria-pressed", this.on);
    find(".edit").hidden = !this.on;
    find(".edit").setAttribute("aria-busy", this.queue.length > 0);
    find(".picture").classList.toggle("editing", this.on && this.tool !== "select");
    for (const button of root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", button.dataset.tool === this.tool);
    }
    for (const button of root.querySelectorAll("[data-chosen]")) button.disabled = !this.chosen;
    find(".brush").hidden = !WIDE.includes(this.tool);
    find(".take").hidden = !["draw", "brush"].includes(this.tool);
    find("[data-act=undo]").disabled = !this.edit?.undo && !this.queue.length;
    find("[data-act=redo]").disabled = !this.canRedo;
    this.paint();
  }

  say(words) {
    this.view.find(".help").textContent = words;
  }

  get radius() {
    return Number(this.view.find("[data-edit=radius]").value);
  }

  get take() {
    return this.view.find("[data-edit=take]").checked;
  }

  get chosen() {
    return this.view.data?.selected;
  }

  paint() {
    this.view.sketch();
  }

  // What is being drawn, over picture and regions.
  paintOver(context, sight) {
    if (this.waiting) strokeLine(context, this.waiting, sight, !this.isSplitting);
    const points = this.line ? cornersOf(this.tool, this.line) : this.corners;
    if (!this.on || !points.length) return;
    if (!WIDE.includes(this.tool)) {
      const more = this.corners.length && this.hover && this.tool === "polygon" ? [...points, this.hover] : points;
      return strokeLine(context, more, sight, ["draw", ...REGION_TOOLS].includes(this.tool));
    }
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo((x - sight.left) * sight.scale, (y - sight.top) * sight.scale + 0.01));
    context.strokeStyle = "rgb(255 255 255 / 45%)";
    context.lineWidth = 2 * this.radius * sight.scale;
    context.stroke();
  }

  // ---- pointers; whether they are ours ----

  down(event) {
    if (!this.on || this.tool === "select" || event.button > 0 || !this.view.threshold.decided) return false;
    this.line = [this.place(event)];
    this.paint();
    return true;
  }

  move(event) {
    if (!this.line) return;
    for (const each of event.getCoalescedEvents?.() ?? []) this.reach(this.place(each));
    this.reach(this.place(event));
    this.paint();
  }

  reach(point) {
    const last = this.line?.at(-1);
    if (last && Math.hypot(point[0] - last[0], point[1] - last[1]) >= APART) this.line?.push(point);
  }

  up(event) {
    const { line } = this;
    if (!line) return;
    this.reach(this.place(event));
    this.line = null;
    this.paint();
    ENDS[this.tool](this, line);
  }

  over(event) {
    if (!this.corners.length) return;
    this.hover = this.place(event);
    this.paint();
  }

  // Let go of a line, such as when a second finger moves the picture; what was clicked before stays.
  drop() {
    this.line = null;
    this.paint();
  }

  cancel() {
    this.corners = [];
    this.hover = null;
    this.drop();
  }

  // ---- places, in pixels of the image ----

  // Of these, how many lie in one of the picture: of a large image a smaller one is shown.
  get factor() {
    const { size, shown } = this.view.data;
    return size[1] / shown[1];
  }

  // Pixels of the page for one of the image.
  get pageScale() {
    return this.view.camera.geometry.scale / this.view.ratio / this.factor;
  }

  place(event) {
    const [across, down] = this.view.camera.share(event);
    const { left, top, scale } = this.view.camera.geometry;
    const { canvas } = this.view.camera;
    return /** @type {Point} */ ([
      eighth((left + (across * canvas.width) / scale) * this.factor),
      eighth((top + (down * canvas.height) / scale) * this.factor),
    ]);
  }

  isInside([x, y]) {
    const [height, width] = this.view.data.size;
    return x >= 0 && y >= 0 && x < width && y < height;
  }

  labelAt(point) {
    if (!this.isInside(point)) return 0;
    return this.near?.labels[this.nearIndex(point)] ?? this.view.found.labels?.[this.index(point)] ?? 0;
  }

  levelAt(point) {
    return this.near?.levels[this.nearIndex(point)] ?? this.view.scene.levels[this.index(point)];
  }

  index([x, y]) {
    return Math.floor(y / this.factor) * this.view.data.shown[1] + Math.floor(x / this.factor);
  }

  // In the part that is known in full; -1 beside it.
  nearIndex([x, y]) {
    const [height, width] = this.near.shown;
    const [left, top] = this.corner;
    const [column, row] = [Math.floor(x) - left, Math.floor(y) - top];
    return column >= 0 && row >= 0 && column < width && row < height ? row * width + column : -1;
  }

  // ---- events ----

  // On the chosen nucleus.
  act(kind) {
    if (!this.chosen) return this.say("Choose a nucleus first.");
    this.do({ kind, numbers: [this.chosen] });
  }

  listen() {
    const { root, find, on } = this.view;
    on(find("[data-act=edit]"), "click", () => {
      this.turn(!this.on);
      if (this.on) this.choose(this.tool);
    });
    for (const button of root.querySelectorAll("[data-tool]")) on(button, "click", () => this.choose(button.dataset.tool));
    for (const button of root.querySelectorAll("[data-chosen]")) on(button, "click", () => this.act(button.dataset.chosen));
    on(find("[data-act=undo]"), "click", () => this.undo());
    on(find("[data-act=redo]"), "click", () => this.redo());
  }

  // Whether a key in the picture was ours.
  onKey(event) {
    if (!this.edit) return false;
    const key = event.key.toLowerCase();
    if (event.ctrlKey || event.metaKey) {
      if (!this.on || (key !== "z" && key !== "y")) return false;
      if (key === "y" || event.shiftKey) this.redo();
      else this.undo();
      return true;
    }
    if (event.altKey) return false;
    if (!this.on) {
      if (key !== "e") return false;
      this.turn(true);
      this.choose(this.tool);
      return true;
    }
    const isDrawing = Boolean(this.line || this.corners.length);
    if (key === "escape" && isDrawing) this.cancel();
    else if (key === "backspace" && this.corners.length) this.corners.pop();
    else if (key === "enter" && this.tool === "polygon" && isDrawing) this.closePolygon();
    else if (key === "delete" || key === "backspace") this.act("delete");
    else if (key === "[" || key === "]") this.resize(key === "]" ? 1 : -1);
    else if (Object.values(ACTS).includes(key)) this.act(Object.keys(ACTS).find((each) => ACTS[each] === key));
    else {
      const tool = Object.keys(HELP).find((each) => HELP[each][0] === key);
      if (!tool) return false;
      this.choose(tool);
    }
    this.paint();
    return true;
  }

  // Of the brush, or with "add" how much of the probability's hill is taken; whether the wheel was ours.
  onWheel(event) {
    if (!this.on || this.tool !== "add" || event.ctrlKey) return false;
    this.share = Math.min(0.95, Math.max(0.05, this.share * (event.deltaY > 0 ? 1.15 : 1 / 1.15)));
    this.say(`Takes what has at least ${short(Math.round(100 * this.share))}% of the probability under the click.`);
    return true;
  }

  resize(by) {
    const input = this.view.find("[data-edit=radius]");
    input.value = Number(input.value) + by;
    this.say(`Radius ${input.value} pixels.`);
  }
}
