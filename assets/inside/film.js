// A film of a layer: its first maps after each epoch of the training that made the model.

import { figure, made, painted, paintedRgb, rounded } from "./paint.js";
import { onOneScale } from "./scale.js";

const FRAME_WAIT = 350; // ms from frame to frame

export async function filmOf(stage) {
  const { layer } = stage.whole.stacks.find((stack) => stack.steps.includes(stage.at.layer)) ?? stage.at;
  const answer = await stage.ask({ kind: "film", layer });
  if (!answer || stage.at.tab !== "learning") return null;
  const title = made("h3", {}, "The film");
  if (!answer.epochs.length) {
    return made("section", {}, title, made("p", { class: "hint" }, "This model has no film. A training keeps one of its layers where “Film of the layers” is on: train on the page Train, and select “Look inside” there."));
  }
  const { epochs, best } = answer;
  const [, maps, height, width] = answer.arrays.tiles.shape;
  const frames = onOneScale(answer.arrays.tiles.values, answer.arrays.ranges.values, epochs.length, maps, height * width);
  const canvases = Array.from({ length: maps }, (_, map) => made("canvas", { role: "img", "aria-label": `Map ${map + 1} of ${layer}` }));
  const slider = made("input", { type: "range", min: 0, max: epochs.length - 1, value: epochs.length - 1, "aria-label": "Epoch" });
  const words = made("p", { class: "value" });
  const show = () => {
    const at = Number(slider.value);
    canvases.forEach((canvas, map) => painted(canvas, frames[at][map], height, width, stage.colors));
    words.textContent = `${layer} after epoch ${epochs[at]} of ${epochs.at(-1)}${epochs[at] === best ? ": the best one, whose model is kept" : ""}.`;
    slider.setAttribute("aria-valuetext", `epoch ${epochs[at]}`);
  };
  let playing = null;
  const stop = () => {
    clearInterval(playing);
    playing = null;
    play.textContent = "Play the film";
  };
  const play = made("button", { type: "button", class: "strong", onclick: () => {
    if (playing) return stop();
    if (Number(slider.value) >= epochs.length - 1) slider.value = 0;
    show();
    play.textContent = "Pause";
    playing = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) >= epochs.length - 1) stop();
    }, FRAME_WAIT);
  } }, "Play the film");
  slider.addEventListener("input", () => (stop(), show()));
  stage.stop = stop;
  show();
  const [rows, columns] = answer.arrays.image.shape;
  const image = paintedRgb(made("canvas", { role: "img", "aria-label": "The square that is filmed" }), answer.arrays.image.values, rows, columns);
  const { values } = answer.arrays.ranges;
  return made("section", {}, title,
    made("p", { class: "hint" }, "An epoch is one pass over all training images. After each, the same square of a validation image went through the network. Each map has one range of colours for all epochs. Select another stack of the U to see its film."),
    made("div", { class: "bar" }, play, slider), words,
    made("div", { class: "film" }, figure(image, "The square"), ...canvases.map((canvas, map) => figure(canvas, `map ${map + 1}: up to ${rounded(Math.max(...epochs.map((_, at) => values[2 * (at * maps + map) + 1])))}`))));
}
