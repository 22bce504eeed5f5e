// A number: the window that was read, the kernel, their products and sum, and each step up to the value.

import { workedOut } from "./arithmetic.js";
import { made, painted, rounded } from "./paint.js";

const SHOWN = 12; // channels, those that add most

export async function showNumber(stage, panel) {
  const { layer, channel, row, column } = stage.at;
  let window_ = stage.window;
  if (!covers(window_, stage)) {
    window_ = await stage.ask({ kind: "number", layer, channel, row, column });
    if (!window_ || stage.at.tab !== "number" || !covers(window_, stage)) return;
    stage.window = window_;
  }
  const tile = await stage.ask({ kind: "layer", layer, channels: [channel] });
  if (!tile || stage.at.tab !== "number" || stage.at.row !== row || stage.at.column !== column) return;
  const focused = panel.contains(panel.getRootNode().activeElement);
  const result = workedOut(window_, row, column);
  panel.replaceChildren(where(stage, tile), made("div", { class: "sum" }, ...words(stage, window_, result)));
  if (focused) panel.querySelector(".place").focus();
}

function covers(window_, { at, data }) {
  if (!window_ || window_.subject !== data.subject || window_.layer !== at.layer || window_.channel !== at.channel) return false;
  const [top, left, height, width] = window_.area;
  return at.row >= top && at.row < top + height && at.column >= left && at.column < left + width;
}

export function where(stage, tile) {
  const { channel, row, column, layer } = stage.at;
  const [, height, width] = tile.arrays.tiles.shape;
  const canvas = painted(made("canvas", {}), tile.arrays.tiles.values, height, width, stage.colors);
  const mark = made("span", { class: "mark" });
  mark.style.cssText = `left:${(100 * column) / width}%;top:${(100 * row) / height}%;width:${100 / width}%;height:${100 / height}%`;
  const picture = made("button", {
    type: "button", class: "place", "aria-label": `Map ${channel + 1} of ${layer}; row ${row + 1}, column ${column + 1}. The arrow keys step.`,
    onclick: (event) => {
      if (!event.detail) return;
      const box = canvas.getBoundingClientRect();
      stage.go({ row: ((event.clientY - box.top) / box.height) * height, column: ((event.clientX - box.left) / box.width) * width });
    },
    onkeydown: (event) => {
      const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [];
      if (down === undefined) return;
      event.preventDefault();
      stage.go({ row: row + down, column: column + right });
    },
  }, canvas, mark);
  const step = (name, down, right) => made("button", { type: "button", "aria-label": name, onclick: () => stage.go({ row: row + down, column: column + right }) }, { "Step left": "←", "Step right": "→", "Step up": "↑", "Step down": "↓" }[name]);
  return made("div", { class: "where" }, picture,
    made("p", {}, `${layer}, map ${channel + 1}, row ${row + 1}, column ${column + 1}`),
    made("div", { class: "bar" }, step("Step left", 0, -1), step("Step right", 0, 1), step("Step up", -1, 0), step("Step down", 1, 0)));
}

function words(stage, window_, { terms, steps }) {
  const { base } = window_;
  const parts = [];
  const last = steps.at(-1);
  parts.push(made("p", { class: "value" }, "The value is ", made("strong", {}, rounded(last.shown)), "."));
  if (terms.length) parts.push(made("p", {}, reading(base, terms)));
  if (window_.arrays.kernel) {
    parts.push(...products(terms, steps[0], base));
  } else if (base.kind === "max pooling") {
    parts.push(matrix(terms, base.side, (term) => rounded(term.value), "The values that were read"), made("p", {}, `The greatest of them is ${rounded(steps[0].value)}.`));
  } else if (base.kind === "sum") parts.push(made("p", {}, terms.map((term) => rounded(term.value)).join(" + ") + ` = ${rounded(steps[0].value)}`));
  steps.slice(1).forEach((step, index) => parts.push(made("p", {}, after(step, steps[index].value))));
  const off = Math.abs(last.value - last.shown);
  parts.push(made("p", { class: "hint", "data-check": off <= 1e-4 * Math.max(1, Math.abs(last.shown)) }, `Worked out here with the network's own numbers: ${last.value.toPrecision(7)}. The network gave ${last.shown.toPrecision(7)}.`));
  return parts;
}

function reading(base, terms) {
  const from = base.inputs.join(" and ");
  if (base.kind === "concatenation") return `It is map ${base.first + 1} of ${from}, as it was: nothing is worked out.`;
  if (base.kind === "max pooling") return `It read ${base.side} × ${base.side} values of map ${base.first + 1} of ${from}.`;
  if (base.kind === "sum") return `It read the same place of map ${base.first + 1} of ${from}, and adds both.`;
  if (base.kind === "transposed convolution") return `It read one value of each of the ${base.channels} maps of ${from}, at row ${terms[0].row + 1}, column ${terms[0].column + 1}.`;
  const outside = terms.some((term) => term.outside) ? " Beyond the edge of the image everything counts as 0." : "";
  return `It read a window of ${base.side} × ${base.side} in ${base.channels} map${base.channels > 1 ? "s" : ""} of ${from}: ${terms.length.toLocaleString("en")} values.${outside}`;
}

function products(terms, first, base) {
  const byChannel = new Map();
  for (const term of terms) byChannel.set(term.channel, [...(byChannel.get(term.channel) ?? []), term]);
  const sums = [...byChannel].map(([channel, own]) => ({ channel, own, sum: own.reduce((sum, each) => sum + each.value * each.weight, 0) }));
  sums.sort((one, other) => Math.abs(other.sum) - Math.abs(one.sum));
  const side = base.kind === "transposed convolution" ? 1 : base.side;
  const rows = sums.slice(0, SHOWN).map(({ channel, own, sum }) => made("div", { class: "product" },
    made("span", {}, `map ${channel + 1}`),
    matrix(own, side, (term) => (term.outside ? "·" : rounded(term.value)), "values"), made("span", {}, "×"),
    matrix(own, side, (term) => rounded(term.weight), "kernel"), made("span", {}, `= ${rounded(sum)}`)));
  const rest = sums.slice(SHOWN).reduce((sum, each) => sum + each.sum, 0);
  const total = sums.reduce((sum, each) => sum + each.sum, 0);
  const more = sums.length > SHOWN ? [made("p", {}, `The other ${sums.length - SHOWN} maps together: ${rounded(rest)}.`)] : [];
  return [made("div", { class: "products" }, ...rows), ...more,
    made("p", {}, `Sum of all products ${rounded(total)} + bias ${rounded(first.step.bias)} = `, made("strong", {}, rounded(first.value)))];
}

function matrix(terms, side, text, name) {
  const rows = [];
  for (let row = 0; row < side; row++) {
    rows.push(made("tr", {}, ...terms.slice(row * side, (row + 1) * side).map((term) => made("td", {}, text(term)))));
  }
  return made("table", { "aria-label": name }, made("tbody", {}, ...rows));
}

function after({ kind, value, step }, before) {
  if (kind === "normalisation") return `Normalisation: (${rounded(before)} − mean ${rounded(step.mean)}) / √(variance ${rounded(step.variance)} + ${step.epsilon.toPrecision(1)}) × ${rounded(step.scale)} + ${rounded(step.shift)} = ${rounded(value)}`;
  return `Activation, ${step.function.replace("_", " ")} of ${rounded(before)} = ${rounded(value)}`;
}
