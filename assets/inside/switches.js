// Switches: something of the network is turned off or changed, and the nuclei are found anew.

import { figure, made, painted, paintedLabels } from "./paint.js";

const fresh = () => ({ skips: [], levels: [], channels: [], function: "as trained", scrambled: [] });

export async function showSwitches(stage, panel) {
  stage.switches ??= fresh();
  const { switches, whole } = stage;
  const answer = await stage.ask({ kind: "switch", switches });
  if (!answer || stage.at.tab !== "switches") return;
  const redo = (changes) => ((stage.switches = { ...switches, ...changes }), showSwitches(stage, panel));
  const flip = (list, name) => (list.includes(name) ? list.filter((each) => each !== name) : [...list, name]);
  const toggle = (kind, name, words) => made("label", { class: "switch" }, made("input", { type: "checkbox", ...(switches[kind].includes(name) ? {} : { checked: "" }), onchange: () => redo({ [kind]: flip(switches[kind], name) }) }), words);
  const joins = Object.entries(whole.layers).filter(([, layer]) => layer.kind === "concatenation").map(([name]) => name).reverse();
  const { layer, channel } = stage.at;
  const isOff = switches.channels.some(([name, number]) => name === layer && number === channel);
  const convolutions = Object.entries(whole.layers).filter(([, each]) => each.kind.includes("convolution")).map(([name]) => name);
  const scramble = made("select", { "aria-label": "Scramble the weights of", onchange: (event) => redo({ scrambled: event.target.value ? [event.target.value] : [] }) },
    made("option", { value: "" }, "no layer"), ...convolutions.map((name) => made("option", { value: name, selected: switches.scrambled.includes(name) }, name)));
  const functions = ["as trained", "none", "relu", "elu", "tanh", "sigmoid"];
  const activation = made("select", { "aria-label": "Activation", onchange: (event) => redo({ function: event.target.value }) },
    ...functions.map((name) => made("option", { value: name, selected: switches.function === name }, name)));
  const focused = panel.getRootNode().activeElement;
  const index = [...panel.querySelectorAll("input, select, button")].indexOf(focused);
  panel.replaceChildren(
    made("div", { class: "bar" },
      made("fieldset", {}, made("legend", {}, "Skip connections"), ...joins.map((name, at) => toggle("skips", name, `level ${at + 1}`))),
      made("fieldset", {}, made("legend", {}, "What comes from below"), ...joins.map((name, at) => toggle("levels", name, `to level ${at + 1}`))),
      made("label", { class: "switch" }, made("input", { type: "checkbox", ...(isOff ? {} : { checked: "" }), onchange: () => redo({ channels: isOff ? switches.channels.filter(([name, number]) => name !== layer || number !== channel) : [...switches.channels, [layer, channel]] }) }), `map ${channel + 1} of ${layer}`),
      made("label", {}, "Activation ", activation), made("label", {}, "Scramble the weights of ", scramble),
      made("button", { type: "button", onclick: () => redo(fresh()) }, "All as trained")),
    made("p", { class: "value" }, made("strong", {}, `${answer.count} nuclei`), `, ${whole.count} as trained. Dice ${answer.dice.toFixed(3)}: how far both masks agree; 1 means wholly.`),
    made("p", {}, lesson(switches, joins)), pictures(stage, answer));
  if (index >= 0) panel.querySelectorAll("input, select, button")[index]?.focus();
}

function pictures(stage, answer) {
  const { image, probability, labels } = stage.whole.arrays;
  const [height, width] = image.shape;
  const map = (values, words) => figure(painted(made("canvas", { role: "img", "aria-label": words }), values, height, width, stage.colors), words);
  const nuclei = (values, words) => figure(paintedLabels(made("canvas", { role: "img", "aria-label": words }), image.values, values, height, width, stage.palette), words);
  return made("div", { class: "figures two" }, map(probability.values, "Probability, as trained"), map(answer.arrays.probability.values, "Probability, as switched"),
    nuclei(labels.values, `Nuclei, as trained: ${stage.whole.count}`), nuclei(answer.arrays.labels.values, `Nuclei, as switched: ${answer.count}`));
}

function lesson(switches, joins) {
  if (switches.scrambled.length) return "The same numbers in another order: what a layer knows lies in where each weight stands.";
  if (switches.function === "none") return "Without activations all layers together are one weighted sum: no longer a deep network.";
  if (switches.function !== "as trained") return "The weights were learned with another activation: they and it belong together.";
  if (switches.levels.includes(joins.at(-1))) return "Without the bottleneck the network no longer knows what it sees: it has only what is near.";
  if (switches.levels.length) return "Cut off from what lies below, this level judges each pixel by its close surroundings.";
  if (switches.skips.includes(joins[0])) return "Without the first skip connection outlines blur: the fine detail has no other way across.";
  if (switches.skips.length) return "A deeper skip connection carries shapes of middle size; outlines depend on it less than on the first.";
  if (switches.channels.length) return "One map of many: what it found is often found by others as well.";
  return "Turn something off, and see what it was good for.";
}
