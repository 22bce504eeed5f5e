// A layer: all of its maps as a grid, the ones that matter most first.

import { made, painted, rounded } from "./paint.js";

const look = { order: "energy", same: false, size: 96, pinned: new Set(), first: 0 };

export async function showGrid(stage, panel) {
  const { layer } = stage.at;
  if (look.layer !== layer) Object.assign(look, { layer, first: 0 });
  let answer = await stage.ask({ kind: "layer", layer, first: look.first });
  if (!answer || stage.at.tab !== "layer" || stage.at.layer !== layer) return;
  let by = null;
  if (look.order === "influence") {
    stage.say("Each map is left out in turn …");
    by = await stage.ask({ kind: "influence", layer });
    stage.say("");
    if (!by) return;
    answer = await stage.ask({ kind: "layer", layer, channels: by.channels });
    if (!answer) return;
  }
  panel.replaceChildren(bar(stage, panel, answer), grid(stage, panel, answer, by));
}

// The layers between this stack and the one before: convolution, normalisation, activation.
function steps(stage) {
  const stack = stage.whole.stacks.find((each) => each.steps.includes(stage.at.layer));
  const names = stack?.steps ?? [stage.at.layer];
  const options = names.map((name) => made("option", { value: name, selected: name === stage.at.layer }, `${name}: ${stage.whole.layers[name].kind}`));
  return made("label", {}, "Layer ", made("select", { onchange: (event) => stage.go({ layer: event.target.value }) }, ...options));
}

function bar(stage, panel, answer) {
  const again = (changes) => () => (Object.assign(look, changes), showGrid(stage, panel));
  const toggle = (words, on, changes) => made("button", { type: "button", "aria-pressed": on, onclick: again(changes) }, words);
  const size = made("input", { type: "range", min: 40, max: 256, step: 8, value: look.size, "aria-label": "Size of the maps" });
  size.addEventListener("input", () => {
    look.size = Number(size.value);
    panel.querySelector(".grid").style.setProperty("--map", `${look.size}px`);
  });
  const parts = [
    steps(stage),
    toggle("By energy", look.order === "energy", { order: "energy" }),
    toggle("By influence", look.order === "influence", { order: "influence" }),
    toggle("One range for all", look.same, { same: !look.same }),
    made("label", {}, "Size ", size),
  ];
  const many = answer.count > answer.channels.length && look.order === "energy";
  if (many && look.first > 0) parts.push(toggle("Stronger maps", false, { first: Math.max(0, look.first - 64) }));
  if (many && look.first + 64 < answer.count) parts.push(toggle("Weaker maps", false, { first: look.first + 64 }));
  const words = look.order === "energy"
    ? "Energy is how much the values of a map vary here. Select a map, then a pixel of it, to see its number."
    : "Influence is how much the probability changes, on average, when this map is set to 0. Found by doing so.";
  return made("div", {}, made("p", { class: "hint" }, stage.whole.layers[stage.at.layer].words, " ", words), made("div", { class: "bar" }, ...parts));
}

function grid(stage, panel, answer, by) {
  const [, height, width] = answer.arrays.tiles.shape;
  const { layer } = stage.at; // a map that is still shown while the next layer comes is its own layer's
  const { values: ranges } = answer.arrays.ranges;
  const all = [...ranges];
  const [low, high] = [Math.min(...all), Math.max(...all)];
  const order = answer.channels.map((channel, index) => ({ channel, index }));
  const pinnedFirst = ({ channel }) => (look.pinned.has(key(stage, channel)) ? 0 : 1);
  order.sort((one, other) => pinnedFirst(one) - pinnedFirst(other));
  const cells = order.map(({ channel, index }) => {
    const [from, to] = [ranges[2 * index], ranges[2 * index + 1]];
    let tile = answer.arrays.tiles.values.subarray(index * height * width, (index + 1) * height * width);
    if (look.same) {
      const scale = high > low ? 1 / (high - low) : 0;
      tile = tile.map((level) => 255 * (from + (level / 255) * (to - from) - low) * scale);
    }
    const canvas = painted(made("canvas", {}), tile, height, width, stage.colors);
    const value = by ? by.influence[index] : answer.energy[index];
    const choose = (event) => {
      const box = canvas.getBoundingClientRect();
      const inside = event.detail > 0; // a click; a key means the place that was chosen
      const column = inside ? ((event.clientX - box.left) / box.width) * width : stage.at.column;
      const row = inside ? ((event.clientY - box.top) / box.height) * height : stage.at.row;
      stage.go({ layer, channel, row, column, tab: "number" });
    };
    const pinned = look.pinned.has(key(stage, channel));
    return made("div", { class: `map${channel === stage.at.channel ? " chosen" : ""}` },
      made("button", { type: "button", class: "picture", onclick: choose, "aria-label": `Map ${channel + 1}, from ${rounded(from)} to ${rounded(to)}: see a number of it` }, canvas),
      made("span", { title: by ? "influence" : "energy" }, `${channel + 1}: ${rounded(value)}`),
      made("button", { type: "button", class: "pin", "aria-pressed": pinned, "aria-label": `Pin map ${channel + 1}`, onclick: () => {
        if (!look.pinned.delete(key(stage, channel))) look.pinned.add(key(stage, channel));
        showGrid(stage, panel);
      } }, "⚲"));
  });
  const element = made("div", { class: "grid" }, ...cells);
  element.style.setProperty("--map", `${look.size}px`);
  return element;
}

const key = (stage, channel) => `${stage.at.layer}/${channel}`;
