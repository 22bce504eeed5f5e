// Play with training: one or two small U-Nets learn in this browser while one watches. The server does nothing.

import { made, painted, rounded } from "./paint.js";
import { FRESH, SIDE, Trainer } from "./trainer.js";

/** @type {Record<string, [string, any[]]>} */
const CHOICES = {
  levels: ["Levels", [2, 3, 4]], filters: ["Filters of the first level", [2, 4, 8]],
  skips: ["Skip connections", [true, false]], activation: ["Activation", ["relu", "elu", "tanh", "none"]],
  normalisation: ["Normalisation", [true, false]], loss: ["Loss", ["cross-entropy", "dice"]],
  rate: ["Learning rate", [0.1, 0.03, 0.01, 0.003, 0.001]], batch: ["Batch size", [1, 2, 4, 8]],
  dropout: ["Dropout", [0, 0.2, 0.5]], noise: ["Noise", [0, 0.1, 0.3]], images: ["Training images", [1, 4, 32, 128]],
};
const SHOWN = 3; // validation images
const EVERY = 5; // steps from validation to validation
const grounds = new WeakMap();

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".playground");
  if (!grounds.has(root)) grounds.set(root, new Playground(root, data));
  return () => {
    grounds.get(root)?.pause();
    grounds.delete(root);
  };
}

class Playground {
  constructor(root, data) {
    this.root = root;
    this.colors = Uint8Array.from(atob(data.heat), (letter) => letter.charCodeAt(0));
    this.grey = Uint8Array.from({ length: 768 }, (_, at) => Math.floor(at / 3));
    this.find = (selector) => root.querySelector(selector);
    this.find(".play").addEventListener("click", () => (this.playing ? this.pause() : this.play()));
    this.find(".step").addEventListener("click", () => (this.pause(), this.step()));
    this.find(".reset").addEventListener("click", () => this.reset());
    this.find(".two").addEventListener("change", () => this.reset());
    this.configs = [{ ...FRESH }, { ...FRESH, skips: false }];
    this.reset();
  }

  reset() {
    this.pause();
    const count = this.find(".two").checked ? 2 : 1;
    this.sides = this.configs.slice(0, count).map((config, index) => new Side(this, config, index));
    this.find(".sides").replaceChildren(...this.sides.map((side) => side.element));
  }

  play() {
    this.playing = true;
    this.find(".play").textContent = "Pause";
    const next = () => {
      if (!this.playing) return;
      this.step();
      this.timer = setTimeout(next, 0); // the page stays responsive between two steps
    };
    next();
  }

  pause() {
    this.playing = false;
    clearTimeout(this.timer);
    this.find(".play").textContent = "Play";
  }

  step() {
    for (const side of this.sides ?? []) side.step();
  }
}

class Side {
  constructor(ground, config, index) {
    this.ground = ground;
    this.config = config;
    this.trainer = new Trainer(config);
    const controls = Object.entries(CHOICES).map(([name, [words, values]]) => {
      const options = values.map((value) => made("option", { value: String(value), selected: value === config[name] }, typeof value === "boolean" ? (value ? "on" : "off") : String(value)));
      const select = made("select", { onchange: () => {
        config[name] = values.find((value) => String(value) === select.value);
        ground.reset();
        ground.sides[index].element.querySelectorAll("select")[Object.keys(CHOICES).indexOf(name)].focus();
      } }, ...options);
      return made("label", {}, words, " ", select);
    });
    this.words = made("p", { class: "value" });
    this.curve = made("canvas", { width: 360, height: 120, class: "curve", role: "img" });
    const key = (name, words) => made("span", { class: `key ${name}` }, words);
    this.legend = made("p", { class: "hint" }, key("training", "training loss"), " ", key("validation", "validation loss"));
    this.pictures = made("div", { class: "trials" });
    const title = made("h3", {}, ground.find(".two").checked ? `Configuration ${"AB"[index]}` : "Configuration");
    this.element = made("section", { class: "side", "aria-label": title.textContent }, title, made("div", { class: "bar" }, ...controls), this.words, this.curve, this.legend, this.pictures);
    this.show();
  }

  step() {
    const { trainer } = this;
    const loss = trainer.step();
    this.smooth = this.smooth === undefined ? loss : 0.8 * this.smooth + 0.2 * loss;
    if (trainer.steps % EVERY === 0 || trainer.steps < EVERY) trainer.history.push([trainer.steps, this.smooth, trainer.validate()]);
    this.show();
  }

  show() {
    const { trainer } = this;
    const last = trainer.history.at(-1);
    const seen = last ? `Training loss ${rounded(last[1])}, validation loss ${rounded(last[2].loss)}, Dice ${last[2].dice.toFixed(2)}.` : "";
    this.words.textContent = `Step ${trainer.steps}; ${trainer.count.toLocaleString("en")} weights. ${seen} ${this.verdict(last)}`;
    if (trainer.steps % EVERY === 0 || trainer.steps < EVERY) {
      this.drawCurve();
      this.drawPictures();
    }
  }

  verdict(last) {
    if (!last || last[0] < 40) return "";
    if (last[2].loss > 1.5 * last[1] && last[2].dice < 0.9) return "It knows its own images better than others: overfitting.";
    if (last[2].dice < 0.5) return "It has not learned even its own images: underfitting, or not yet.";
    return "";
  }

  drawCurve() {
    const { history } = this.trainer;
    const context = this.curve.getContext("2d");
    const { width, height } = this.curve;
    this.curve.hidden = this.legend.hidden = !history.length;
    context.clearRect(0, 0, width, height);
    const highest = Math.max(0.1, ...history.flatMap(([, one, { loss }]) => [one, loss]));
    const line = (color, of, dash) => {
      context.strokeStyle = color;
      context.lineWidth = 2;
      context.setLineDash(dash);
      context.beginPath();
      history.forEach((each) => context.lineTo(4 + ((width - 8) * each[0]) / history.at(-1)[0], height - 4 - ((height - 8) * of(each)) / highest));
      context.stroke();
    };
    line("#0072b2", (each) => each[1], []);
    line("#d55e00", (each) => each[2].loss, [6, 4]);
    this.curve.setAttribute("aria-label", "Loss by step: training blue, validation orange and dashed");
  }

  drawPictures() {
    const picture = (values, colors, words) => painted(made("canvas", { role: "img", "aria-label": words }), values, SIDE, SIDE, colors);
    const rows = this.trainer.validation.slice(0, SHOWN).map(({ image, mask }, index) => made("div", { class: "trial" },
      picture(Uint8Array.from(image, (value) => Math.min(255, Math.max(0, 255 * value))), this.ground.grey, `Validation image ${index + 1}`),
      picture(Uint8Array.from(mask, (value) => 255 * value), this.ground.colors, "What is wanted: circles and squares, no rings"),
      picture(this.trainer.predicted(image), this.ground.colors, "The probability that it gives")));
    this.pictures.replaceChildren(made("p", { class: "hint" }, "Images that it does not learn from: the image, what is wanted (circles and squares, no rings), and the probability that it gives."), ...rows);
  }
}
