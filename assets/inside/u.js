// The U: stacks of real maps at their places, and the lines between them.

import { LABEL, placed, related } from "./layout.js";
import { made, painted, paintedRgb } from "./paint.js";

const SVG = "http://www.w3.org/2000/svg";

export function drawU(stage) {
  const { stacks } = stage.whole;
  const holder = stage.find(".stacks");
  const width = Math.max(300, stage.find(".whole").clientWidth);
  const { places, height } = placed(stacks, width);
  stage.find(".whole").style.height = `${height}px`;
  if (stage.drawn !== stage.whole || stage.drawnWidth !== width) {
    stage.drawn = stage.whole;
    stage.drawnWidth = width;
    holder.replaceChildren(...stacks.map((stack, index) => button(stage, stack, index, places[stack.layer])));
    drawLines(stage, stacks, places, width, height);
  }
  for (const element of holder.children) {
    const own = stacks.find((stack) => stack.layer === element.dataset.layer).steps.includes(stage.at.layer);
    element.setAttribute("aria-pressed", own);
    if (own) describe(stage, element.dataset.layer);
  }
}

function button(stage, stack, index, place) {
  const { arrays } = stage.whole;
  const canvas = made("canvas", { "aria-hidden": "true" });
  const [height, width] = arrays[`front${index}`].shape;
  if (stack.kind === "image") {
    const [rows, columns] = arrays.image.shape;
    paintedRgb(canvas, arrays.image.values, rows, columns);
  } else painted(canvas, arrays[`front${index}`].values, height, width, stage.colors);
  const [channels, rows, columns] = stack.size;
  const fits = stage.drawnWidth >= 900 || place.side >= LABEL - 20;
  const label = made("span", { class: "size", "aria-hidden": "true", hidden: fits ? false : "" }, `${columns}² × ${channels}`.replace("² ×", rows === columns ? "² ×" : `×${rows} ×`));
  const element = made("button", {
    type: "button", class: "stack", "aria-label": `${stack.layer}: ${stack.words}`, "aria-pressed": "false",
    onclick: () => stage.go({ layer: stack.layer, channel: stack.front, tab: stage.at.tab === "nuclei" ? "layer" : stage.at.tab }),
    onpointerenter: () => describe(stage, stack.layer),
    onfocus: () => describe(stage, stack.layer),
    onkeydown: (event) => move(stage, event, index),
  }, canvas, label);
  element.dataset.layer = stack.layer;
  const { x, y, side, depth } = place;
  element.style.cssText = `left:${x}px;top:${y}px;width:${side}px;height:${side}px;--depth:${depth}px`;
  return element;
}

function move(stage, event, index) {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  const next = step && stage.find(".stacks").children[index + step];
  if (next) {
    event.preventDefault();
    next.focus();
  }
}

function describe(stage, layer) {
  const { stacks } = stage.whole;
  const stack = stacks.find((each) => each.layer === layer);
  const { from, to } = related(stacks, layer);
  for (const element of stage.find(".stacks").children) {
    element.classList.toggle("from", from.has(element.dataset.layer));
    element.classList.toggle("to", to.has(element.dataset.layer));
  }
  for (const line of stage.find(".lines").children) {
    line.classList.toggle("lit", line.dataset.from === layer || line.dataset.to === layer);
  }
  const where = stage.whole.sides[stack.side];
  stage.find(".words").replaceChildren(made("strong", {}, layer), ` — ${stack.words} It belongs to the ${where}.`);
}

function drawLines(stage, stacks, places, width, height) {
  const svg = stage.find(".lines");
  svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const lines = [];
  for (const stack of stacks) {
    for (const from of stack.inputs) {
      const [one, other] = [places[from], places[stack.layer]];
      const path = document.createElementNS(SVG, "path");
      const isSkip = stack.kind === "concatenation" && one.y === other.y && other.x - one.x > one.side * 2;
      const [x1, y1] = [one.x + one.side / 2, one.y + (isSkip ? 0 : one.side / 2)];
      const [x2, y2] = [other.x + other.side / 2, other.y + (isSkip ? 0 : other.side / 2)];
      path.setAttribute("d", isSkip ? `M${x1} ${y1} C${x1} ${y1 - 22} ${x2} ${y2 - 22} ${x2} ${y2}` : `M${x1} ${y1} L${x2} ${y2}`);
      if (isSkip) path.classList.add("skip");
      Object.assign(path.dataset, { from, to: stack.layer });
      lines.push(path);
    }
  }
  svg.replaceChildren(...lines);
}
