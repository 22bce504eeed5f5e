// Edit mode: tools that correct the nuclei, drawn here at once and kept by the server when the pointer is let go.

import { corrected, eighth } from "./operations.js";
import { short } from "./numbers.js";

// Of each tool its key and a line of help; what is done with a pointer, and the rest acts on the chosen nucleus.
const HELP = {
  select: ["s", "Click a nucleus to choose it; drag to move the picture."],
  delete: ["x", "Click a nucleus, or drag across several, to delete them. The Delete key deletes the chosen one."],
  draw: ["d", "Draw around a nucleus that is missing; the line closes when you let go."],
  add: ["a", "Click where the model saw something below the threshold; the wheel makes it larger or smaller before."],
  brush: ["b", "Paint on to the chosen nucleus, or to the one that you start in."],
  erase: ["e", "Wipe pixels off the chosen nucleus; if none is chosen, off any."],
  split: ["l", "Draw a line across a nucleus to split it."],
  seeds: ["w", "Click twice in one nucleus: it is split between the clicks, where the model saw the valley."],
  merge: ["m", "Drag from one nucleus to another to make them one."],
};
const ACTS = { fill: "f", smooth: "o" };
const SAID = {
  draw: "Nucleus added",
  add: "Nucleus added",
  delete: "Deleted",
  brush: "Painted",
  erase: "Erased",
  split: "Split",
  seeds: "Split",
  merge: "Merged",
  fill: "Holes filled",
  smooth: "Smoothed",
};
const KEPT = 20; // labels of 2048 x 2048 pixels take 16 MB
const APART = 0.25; // pixels of the picture between two points of a line

export class Editor {
  constructor(view) {
    this.view = view;
    this.tool = "select";
    this.on = false;
    this.queue = []; // steps that the server has not taken yet
    this.past = []; // the labels before each of the last steps
    this.future = []; // and those that were undone
    this.line = null; // what is being drawn, in pixels of the picture
    this.seed = null;
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
    button.title = edit ? "Correct the nuclei (E, in the picture)" : view.data.no_edit;
    const settled = new Set([...(edit?.done ?? []), ...(edit?.refused ?? [])]);
    const isSame = edit?.basis === this.basis;
    this.queue = isSame ? this.queue.filter((step) => !settled.has(step.id)) : [];
    if (!isSame || edit?.refused.length) [this.past, this.future] = [[], []];
    if (this.queue.length) view.found = { ...view.found, labels: this.ahead };
    else this.next = edit?.next;
    this.basis = edit?.basis;
    if (edit?.error && edit.error !== this.error) this.say(edit.error);
    this.error = edit?.error;
    // An answer without them: they may have been lost on the way, and what is kept already is not taken twice.
    if (this.queue.length) this.send();
    this.show();
  }

  // ---- steps ----

  do(operation) {
    const { found, scene, data } = this.view;
    const [height, width] = data.shown;
    this.past.push(found.labels);
    if (this.past.length > KEPT) this.past.shift();
    this.future = [];
    const now = { labels: found.labels, width, height, next: this.next, levels: scene.levels };
    const after = corrected(now, operation);
    if (after) this.next = after.next;
    this.keep({ do: "apply", operation }, after?.labels ?? found.labels);
    this.say(`${SAID[operation.kind]}.`);
  }

  undo() {
    if (!this.edit.undo && !this.queue.length) return;
    this.future.push(this.view.found.labels);
    this.keep({ do: "undo", count: 1 }, this.past.pop() ?? this.view.found.labels);
    this.say("Undone.");
  }

  get canRedo() {
    return this.edit?.redo || this.queue.at(-1)?.do === "undo";
  }

  redo() {
    if (!this.canRedo) return;
    this.past.push(this.view.found.labels);
    this.keep({ do: "redo", count: 1 }, this.future.pop() ?? this.view.found.labels);
    this.say("Redone.");
  }

  // Show the labels after a step, and hand the step to the server.
  keep(step, labels) {
    this.queue.push({ ...step, id: Math.random().toString(36).slice(2, 12) });
    this.ahead = labels;
    this.view.found = { ...this.view.found, labels };
    this.view.draw();
    this.send();
    this.show();
  }

  send() {
    this.view.tell("correction", { basis: this.basis, revision: this.edit.revision, steps: this.queue });
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
    const { find, root, data } = this.view;
    find("[data-act=edit]").setAttribute("aria-pressed", this.on);
    find(".edit").hidden = !this.on;
    find(".edit").setAttribute("aria-busy", this.queue.length > 0);
    find(".picture").classList.toggle("editing", this.on && this.tool !== "select");
    for (const button of root.querySelectorAll("[data-tool]")) {
      button.setAttribute("aria-pressed", button.dataset.tool === this.tool);
    }
    for (const button of root.querySelectorAll("[data-chosen]")) button.disabled = !data?.selected;
    find(".brush").hidden = !["brush", "erase"].includes(this.tool);
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

  // The line that is being drawn, over the picture.
  paint() {
    const sketch = this.view.find(".sketch");
    const picture = this.view.find(".picture");
    if (sketch.width !== picture.width || sketch.height !== picture.height) {
      Object.assign(sketch, { width: picture.width, height: picture.height });
    }
    const context = sketch.getContext("2d");
    context.clearRect(0, 0, sketch.width, sketch.height);
    const points = this.line ?? (this.seed && [this.seed]);
    if (!this.on || !points || !this.view.data) return;
    const { left, top, scale } = this.view.camera.geometry;
    const wide = ["brush", "erase"].includes(this.tool);
    context.lineCap = context.lineJoin = "round";
    context.beginPath();
    points.forEach(([x, y]) => context.lineTo((x - left) * scale, (y - top) * scale));
    if (points.length === 1) context.lineTo((points[0][0] - left) * scale, (points[0][1] - top) * scale + 0.01);
    if (this.tool === "draw") context.closePath();
    for (const [color, width] of wide
      ? [["rgb(255 255 255 / 45%)", 2 * this.radius * scale]]
      : [["#000", 5 * this.view.ratio], ["#fff", 2.5 * this.view.ratio]]) {
      context.strokeStyle = color;
      context.lineWidth = width;
      context.stroke();
    }
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
    this[`end_${this.tool}`](line);
  }

  cancel() {
    this.line = this.seed = null;
    this.paint();
  }

  place(event) {
    const [across, down] = this.view.camera.share(event);
    const { left, top, scale } = this.view.camera.geometry;
    const canvas = this.view.camera.canvas;
    return [eighth(left + (across * canvas.width) / scale), eighth(top + (down * canvas.height) / scale)];
  }

  labelAt([x, y]) {
    const [height, width] = this.view.data.shown;
    if (x < 0 || y < 0 || x >= width || y >= height) return 0;
    return this.view.found.labels?.[Math.floor(y) * width + Math.floor(x)] ?? 0;
  }

  // ---- what each tool does in the end ----

  end_delete(line) {
    const numbers = new Set();
    line.forEach(([x, y], index) => {
      const [fromX, fromY] = line[Math.max(0, index - 1)];
      const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY)));
      for (let step = 1; step <= steps; step++) {
        numbers.add(this.labelAt([fromX + ((x - fromX) * step) / steps, fromY + ((y - fromY) * step) / steps]));
      }
    });
    numbers.delete(0);
    if (numbers.size) this.do({ kind: "delete", numbers: [...numbers] });
    else this.say("There is no nucleus there.");
  }

  end_draw(line) {
    if (line.length < 3) return this.say(HELP.draw[1]);
    this.do({ kind: "draw", points: line, take: this.take });
  }

  end_add([point]) {
    const [height, width] = this.view.data.shown;
    const [x, y] = point.map(Math.floor);
    if (x < 0 || y < 0 || x >= width || y >= height) return;
    if (this.labelAt(point)) return this.say("There is a nucleus already.");
    const level = Math.floor(this.view.scene.levels[y * width + x] * this.share);
    if (!level) return this.say("The model saw nothing there; draw the outline instead.");
    this.do({ kind: "add", points: [point], level });
  }

  end_brush(line) {
    const number = this.view.data.selected || this.labelAt(line[0]);
    if (!number) return this.say("Choose a nucleus first, or start in one.");
    this.do({ kind: "brush", points: line, numbers: [number], radius: this.radius, take: this.take });
  }

  end_erase(line) {
    const { selected } = this.view.data;
    this.do({ kind: "erase", points: line, numbers: selected ? [selected] : [], radius: this.radius });
  }

  end_split(line) {
    if (line.length < 2) return this.say(HELP.split[1]);
    this.do({ kind: "split", points: line });
  }

  end_seeds([point]) {
    const number = this.labelAt(point);
    if (!number) return this.say("Click inside a nucleus.");
    if (!this.seed || this.labelAt(this.seed) !== number) {
      this.seed = point;
      this.paint();
      return this.say("Now click the other half of the same nucleus.");
    }
    const points = [this.seed, point];
    this.cancel();
    this.do({ kind: "seeds", points, numbers: [number] });
  }

  end_merge(line) {
    const numbers = [this.labelAt(line[0]), this.labelAt(line.at(-1))];
    if (!numbers[0] || !numbers[1] || numbers[0] === numbers[1]) return this.say(HELP.merge[1]);
    this.do({ kind: "merge", numbers });
  }

  get take() {
    return this.view.find("[data-edit=take]").checked;
  }

  // On the chosen nucleus.
  act(kind) {
    const { selected } = this.view.data;
    if (!selected) return this.say("Choose a nucleus first.");
    this.do({ kind, numbers: [selected] });
  }

  // ---- events ----

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
    if (key === "delete" || key === "backspace") this.act("delete");
    else if (key === "[" || key === "]") this.resize(key === "]" ? 1 : -1);
    else if (key === "escape" && (this.line || this.seed)) this.cancel();
    else if (Object.values(ACTS).includes(key)) this.act(Object.keys(ACTS).find((each) => ACTS[each] === key));
    else {
      const tool = Object.keys(HELP).find((each) => HELP[each][0] === key);
      if (!tool) return false;
      this.choose(tool);
    }
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
    this.paint();
  }
}
