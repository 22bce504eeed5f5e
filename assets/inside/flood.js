// From maps to nuclei: threshold, distance, peaks, and the flooding from the peaks down, frame by frame.

import { atFrame, FRAMES, framesOf } from "./frames.js";
import { figure, made, paintedLabels } from "./paint.js";

const WAIT = 120; // milliseconds from frame to frame

export async function showFlood(stage, panel) {
  const answer = await stage.ask({ kind: "flood" });
  if (!answer || stage.at.tab !== "nuclei") return;
  const { image } = stage.whole.arrays;
  const [height, width] = image.shape;
  const canvas = made("canvas", { role: "img" });
  const words = made("p", { class: "value", role: "status" });
  const slider = made("input", { type: "range", min: 0, max: FRAMES - 1, step: 1, value: 0, "aria-label": "Frame" });
  const parts = framesOf(answer);
  let playing = null;
  const show = () => {
    const { labels, text } = atFrame(parts, Number(slider.value));
    paintedLabels(canvas, image.values, labels, height, width, stage.palette);
    words.textContent = text;
    canvas.setAttribute("aria-label", text);
  };
  const stop = () => {
    clearInterval(playing);
    playing = null;
    play.textContent = "Play";
  };
  const play = made("button", { type: "button", onclick: () => {
    if (playing) return stop();
    if (Number(slider.value) >= FRAMES - 1) slider.value = 0;
    play.textContent = "Pause";
    playing = setInterval(() => {
      slider.value = Number(slider.value) + 1;
      show();
      if (Number(slider.value) >= FRAMES - 1) stop();
    }, WAIT);
  } }, "Play");
  const step = made("button", { type: "button", onclick: () => (stop(), (slider.value = Number(slider.value) + 1), show()) }, "Step");
  slider.addEventListener("input", () => (stop(), show()));
  stage.stop = stop;
  panel.replaceChildren(
    made("p", { class: "hint" }, "A watershed takes the distance from the edge for a landscape. Water of another colour rises from each peak down; where two meet, there is the border between two nuclei."),
    made("div", { class: "bar" }, play, step, slider), words, made("div", { class: "figures" }, figure(canvas, `${answer.count} nuclei in the end, ${answer.tops} peaks at the start.`)));
  show();
}
