// A guided tour: each step leads to a place of the page, and is a link that can be shared.

import { made } from "./paint.js";

const first = (stage, kind) => stage.whole.stacks.find((stack) => stack.kind === kind) ?? stage.whole.stacks[0];
const lowest = (stage) => stage.whole.stacks.filter((stack) => stack.side === "bottom").at(-1) ?? stage.whole.stacks[0];
const last = (stage) => stage.whole.stacks.at(-1);
const joined = (stage) => stage.whole.stacks.filter((stack) => stack.kind === "concatenation").at(-1) ?? last(stage);
const middle = (stack) => ({ layer: stack.layer, channel: stack.front, row: stack.size[1] / 2, column: stack.size[2] / 2 });

// Where the maps first become half as large: by pooling, or by a convolution that moves on by two places.
const pooled = (stage) => stage.whole.stacks.some((stack) => stack.kind === "max pooling");
const halved = (stage) => stage.whole.stacks.find((stack) => stack.level === 1);

/** @type {[string, string | ((stage: any) => string), (stage: any) => Record<string, any>][]} */
const STEPS = [
  ["An image goes in", "A network is given numbers: the brightness of each pixel. Segmentation asks of each pixel whether it belongs to a nucleus.", (stage) => ({ ...middle(stage.whole.stacks[0]), tab: "layer" })],
  ["Feature maps", "A layer gives feature maps: pictures of where something was found. The first ones find edges and spots.", (stage) => ({ ...middle(first(stage, "activation")), tab: "layer" })],
  ["A number", "Each pixel of a map is one number. A convolution adds up a small window of the maps before, each value times a weight. Step across with the arrows.", (stage) => ({ ...middle(first(stage, "activation")), tab: "number" })],
  ["Down", (stage) => `${pooled(stage) ? "Max pooling keeps the greatest of four values." : "This convolution moves its window on by two places at a time."} The maps become half as large, and everything after it sees twice as far.`, (stage) => ({ ...middle(halved(stage)), tab: "number" })],
  ["What a value sees", "The receptive field is the part of the image that can change a value. Close to the start it is small.", (stage) => ({ ...middle(halved(stage)), tab: "field" })],
  ["The bottleneck", "At the bottom there are many maps, each of few pixels: the network knows what there is, but only roughly where.", (stage) => ({ ...middle(lowest(stage)), tab: "layer" })],
  ["It sees far", "One value of the bottleneck depends on a large part of the image. That is how the network tells a nucleus from dirt.", (stage) => ({ ...middle(lowest(stage)), tab: "field" })],
  ["Up again", "A transposed convolution writes each value into four places: the maps become twice as large.", (stage) => ({ ...middle(first(stage, "transposed convolution")), tab: "number" })],
  ["Skip connections", "Maps from the way down, the contracting path, are put beside those from below. So fine detail comes back.", (stage) => ({ ...middle(joined(stage)), tab: "layer" })],
  ["Without them", "Turn the skip connection of level 1 off, the uppermost one, and see what becomes of the outlines.", (stage) => ({ ...middle(joined(stage)), tab: "switches" })],
  ["The probability", "A last 1 × 1 convolution makes one number of all maps; a sigmoid, which brings any number between 0 and 1, makes a probability of it.", (stage) => ({ ...middle(last(stage)), tab: "number" })],
  ["The nuclei", "All pixels whose probability lies above a threshold are the mask. It is flooded from the middle of each nucleus; where two floods meet, nuclei that touch are separated. Press Play.", () => ({ tab: "nuclei" })],
];

/** Where the present step of the tour is. */
export function placeOfTour(stage) {
  return STEPS[Math.floor(stage.tour) - 1]?.[2](stage) ?? {};
}

export function showTour(stage) {
  const holder = stage.find(".tour");
  const to = (number) => {
    stage.tour = number;
    stage.go(number ? STEPS[number - 1][2](stage) : {});
  };
  const button = (words, number, more = {}) => made("button", { type: "button", onclick: () => to(number), ...more }, words);
  const number = Math.min(Math.max(0, Math.floor(stage.tour) || 0), STEPS.length);
  if (!number) {
    holder.replaceChildren(button("Take the guided tour", 1, { class: "strong" }));
    return;
  }
  const [title, words] = STEPS[number - 1];
  const focused = holder.getRootNode().activeElement?.textContent;
  holder.replaceChildren(
    made("p", {}, made("strong", {}, `${number} of ${STEPS.length}: ${title}. `), typeof words === "string" ? words : words(stage)),
    made("div", { class: "bar" }, ...(number > 1 ? [button("Back", number - 1)] : []), ...(number < STEPS.length ? [button("Next", number + 1, { class: "strong" })] : []), button("Leave the tour", 0)));
  for (const each of holder.querySelectorAll("button")) if (each.textContent === focused) each.focus();
}
