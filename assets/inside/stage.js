// The network as a U, and below it what one looks at: a layer, a number, its field, switches, nuclei.

import { drawU } from "./u.js";
import { showField } from "./field.js";
import { showFlood } from "./flood.js";
import { showGrid } from "./grid.js";
import { showNumber } from "./number.js";
import { showLearning } from "./learning.js";
import { made } from "./paint.js";
import { showSwitches } from "./switches.js";
import { placeOfTour, showTour } from "./tour.js";

const stages = new WeakMap();
const TABS = {
  layer: ["The maps", showGrid],
  number: ["A number", showNumber],
  field: ["What it sees", showField],
  switches: ["Switches", showSwitches],
  nuclei: ["To the nuclei", showFlood],
  learning: ["Learning", showLearning],
};

export default function ({ data, parentElement }) {
  const root = parentElement.querySelector(".inside");
  let stage = stages.get(root);
  if (!stage) stages.set(root, (stage = new Stage(root)));
  stage.update(data);
  return () => stages.delete(root) && stage.close();
}

class Stage {
  constructor(root) {
    this.root = root;
    this.find = (selector) => root.querySelector(selector);
    const [layer, channel, row, column, tab] = (new URLSearchParams(location.search).get("at") ?? "").split("~");
    this.at = { layer, channel: Number(channel) || 0, row: Number(row) || 0, column: Number(column) || 0, tab };
    this.watcher = new ResizeObserver(() => this.whole && drawU(this));
    this.watcher.observe(root);
    this.tour = Number(new URLSearchParams(location.search).get("tour") ?? 0);
  }

  close() {
    this.watcher.disconnect();
    clearTimeout(this.writing);
    this.stop?.();
  }

  async update(data) {
    const isOther = this.data?.subject !== data.subject;
    const wire = (this.wire = window.unetWire);
    this.data = data;
    this.colors = Uint8Array.from(atob(data.heat), (letter) => letter.charCodeAt(0));
    this.palette = Uint8Array.from(atob(data.palette), (letter) => letter.charCodeAt(0));
    if (!wire) return setTimeout(() => this.data === data && this.update({ ...data, again: 1 }), 100);
    if (!isOther && this.whole && !data.again) return this.write();
    this.say("The network is running …");
    const whole = await this.ask({ kind: "whole" });
    if (!whole) return;
    this.whole = whole;
    const { layers } = whole;
    if (!layers[this.at.layer]) {
      const middle = whole.stacks.find((stack) => stack.kind === "activation") ?? whole.stacks[0];
      this.at = { ...this.at, layer: middle.layer, channel: middle.front };
    }
    this.say("");
    // A link to a step of the tour alone leads to its place.
    this.go(new URLSearchParams(location.search).has("at") ? {} : placeOfTour(this));
  }

  async ask(question) {
    const subject = this.data.subject;
    const answer = await this.wire.ask(subject, question);
    if (!answer || subject !== this.data.subject) return null;
    if (answer.error) return this.say(answer.error), null;
    return answer;
  }

  say(words) {
    this.find(".said").textContent = words;
  }

  // To another layer, place or tab.
  go(changes) {
    this.stop?.();
    this.stop = null;
    this.at = { ...this.at, ...changes };
    const [channels, height, width] = this.whole.layers[this.at.layer].size;
    const within = (value, size) => Math.min(Math.max(0, Math.floor(value)), size - 1);
    this.at.channel = within(this.at.channel, channels);
    this.at.row = within(this.at.row, height);
    this.at.column = within(this.at.column, width);
    if (!TABS[this.at.tab]) this.at.tab = "layer";
    drawU(this);
    this.drawTabs();
    showTour(this);
    this.write();
    return TABS[this.at.tab][1](this, this.find(".panel"));
  }

  drawTabs() {
    const keys = Object.keys(TABS);
    const tabs = keys.map((key, index) =>
      made("button", {
        role: "tab", type: "button", "aria-selected": key === this.at.tab, tabindex: key === this.at.tab ? 0 : -1,
        onclick: () => this.go({ tab: key }),
        onkeydown: (event) => {
          const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
          if (!step) return;
          this.go({ tab: keys[(index + step + keys.length) % keys.length] });
          this.find('.tabs [aria-selected="true"]').focus();
        },
      }, TABS[key][0]));
    this.find(".tabs").replaceChildren(...tabs);
  }

  // The address, so that what is looked at can be shared; not at each of many steps.
  write() {
    clearTimeout(this.writing);
    this.writing = setTimeout(() => {
      const address = new URL(location.href);
      const { layer, channel, row, column, tab } = this.at;
      address.searchParams.set("at", [layer, channel, row, column, tab].join("~"));
      if (this.tour) address.searchParams.set("tour", String(this.tour));
      else address.searchParams.delete("tour");
      history.replaceState(history.state, "", address);
    }, 300);
  }
}
