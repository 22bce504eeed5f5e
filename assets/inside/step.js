// One step of a training: four images, what the network said of them, its gradients, and its weights before and after.

import { made, painted, paintedRgb, rounded } from "./paint.js";

const ASK_AGAIN = 700; // ms

export function stepOf(stage) {
  const holder = made("div", { class: "step-of-training" });
  const said = made("p", { class: "hint", role: "status" });
  const taken = stage.taken?.subject === stage.data.subject ? stage.taken : null;
  const press = made("button", { type: "button", class: "strong" }, taken ? "Take another step" : "Take a step");
  press.addEventListener("click", async () => {
    press.disabled = true;
    const number = (stage.taken?.subject === stage.data.subject ? stage.taken.step : 0) + 1;
    said.textContent = "A process of its own takes the step: some five seconds, longer where others wait …";
    const found = await waited(stage, number);
    press.disabled = false;
    if (!found) return void (said.textContent = stage.find(".said").textContent);
    stage.taken = found;
    said.textContent = "";
    press.textContent = "Take another step";
    press.hidden = found.step >= found.most;
    holder.replaceChildren(...happened(stage, found));
  });
  if (taken) holder.replaceChildren(...happened(stage, taken));
  return made("section", {}, made("h3", {}, "One step"),
    made("p", { class: "hint" }, "In a step the network sees a batch, here of four images. The loss says how wrong it is. The gradient says of each weight how the loss would change with it, and each weight moves a little against its gradient. The model itself stays as it is."),
    made("div", { class: "bar" }, press), said, holder);
}

// Until the step is made; null where it cannot be.
async function waited(stage, number) {
  const { subject } = stage.data;
  for (let asked = 0; stage.data.subject === subject; asked++) {
    // A question that was answered is not asked again: each bears a number.
    const answer = await stage.ask({ kind: "step", number, asked });
    if (!answer?.pending) return answer;
    await new Promise((settle) => setTimeout(settle, ASK_AGAIN));
  }
  return null;
}

function happened(stage, found) {
  const { arrays, layers } = found;
  const [count, height, width] = arrays.truth.shape;
  const part = (name, index, size = height * width) => arrays[name].values.subarray(index * size, (index + 1) * size);
  const canvas = (words) => made("canvas", { role: "img", "aria-label": words });
  const names = { truth: "Wanted", probability: "Probability before", pixels: "Loss by pixel", after: "Probability after" };
  const map = (name, index) => painted(canvas(`${names[name]}, image ${index + 1}`), part(name, index), height, width, stage.colors);
  const rows = Array.from({ length: count }, (_, index) => [
    paintedRgb(canvas(`Image ${index + 1}`), part("images", index, 3 * height * width), height, width), ...Object.keys(names).map((name) => map(name, index))]);
  const heads = ["Image", ...Object.values(names)].map((words) => made("span", { "aria-hidden": "true" }, words));
  const own = layers.find((layer) => (stage.whole.stacks.find((stack) => stack.steps.includes(stage.at.layer))?.steps ?? []).includes(layer.name)) ?? layers[0];
  return [
    made("p", { class: "value" }, `Step ${found.step}, images of ${found.dataset}: loss `, made("strong", {}, `${rounded(found.loss)} → ${rounded(found.loss_after)}`), `, learning rate ${rounded(found.rate)}.`),
    made("div", { class: "batch" }, ...heads, ...rows.flat()),
    made("p", { class: "hint" }, "Where the loss by pixel is yellow, the network is most wrong: at outlines as a rule."), made("h4", {}, `Weights of ${own.name}`),
    made("p", { class: "hint" }, "Its first kernels, before and after, and the gradient. Blue is below 0, orange above."),
    ...kernels(arrays, own.name), made("h4", {}, "Gradients by layer"), bars(layers)];
}

function kernels(arrays, layer) {
  const [count, side] = arrays[`${layer}:before`].shape;
  return ["before", "after", "gradient"].map((name) => {
    const values = arrays[`${layer}:${name}`].values;
    const largest = Math.max(1e-12, ...Array.from(values, Math.abs));
    const tables = Array.from({ length: count }, (_, kernel) => made("table", { class: "kernel", "aria-label": `Kernel ${kernel + 1}, ${name}` }, made("tbody", {},
      ...Array.from({ length: side }, (_, row) => made("tr", {}, ...Array.from({ length: side }, (_, column) => {
        const value = values[(kernel * side + row) * side + column];
        const cell = made("td", { title: value.toExponential(3) }, rounded(value));
        cell.style.background = `color-mix(in srgb, ${value < 0 ? "#0072b2" : "#e69f00"} ${Math.round((45 * Math.abs(value)) / largest)}%, transparent)`;
        return cell;
      }))))));
    return made("div", { class: "kernels" }, made("span", {}, name), ...tables);
  });
}

function bars(layers) {
  const largest = Math.max(1e-12, ...layers.map((layer) => layer.gradient));
  const rows = layers.map((layer) => {
    const bar = made("span", { class: "bar-of-gradient", "aria-hidden": "true" });
    bar.style.width = `${(100 * layer.gradient) / largest}%`;
    return made("tr", {}, made("th", { scope: "row" }, layer.name), made("td", { class: "wide" }, bar), made("td", {}, layer.gradient.toExponential(1)), made("td", {}, `${((100 * layer.change) / (layer.weight || 1)).toPrecision(2)} %`));
  });
  return made("table", { class: "gradients", "aria-label": "Gradients by layer" },
    made("thead", {}, made("tr", {}, made("th", { scope: "col" }, "Layer"), made("th", {}), made("th", { scope: "col" }, "Gradient"), made("th", { scope: "col" }, "Change of the weights"))), made("tbody", {}, ...rows));
}
