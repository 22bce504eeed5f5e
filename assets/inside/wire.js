// Asks the server for what is looked at, one question at a time, and keeps the last answers. The mount shows nothing.

import { unpacked } from "./unpack.js";

const KEPT = 60;

export default function ({ data, setTriggerValue }) {
  const wire = (window.unetWire ??= new Wire());
  wire.send = (question) => setTriggerValue("ask", question);
  if (data instanceof Uint8Array) unpacked(data).then((answer) => wire.accept(answer));
  wire.next();
}

class Wire extends EventTarget {
  waiting = new Map(); // questions by their id, in order
  answers = new Map();
  /** @type {string | null} */
  asked = null;
  /** @type {((question: Record<string, any>) => void) | null} */
  send = null;

  // The promise of an answer; the newest question of a kind pushes out those of its kind that wait.
  ask(subject, question) {
    const id = `${subject}|${JSON.stringify(question)}`;
    if (this.answers.has(id)) return Promise.resolve(this.answers.get(id));
    for (const [other, each] of this.waiting) {
      if (each.question.kind === question.kind && other !== id && other !== this.asked) {
        this.waiting.delete(other);
        each.settle(null);
      }
    }
    let entry = this.waiting.get(id);
    if (!entry) {
      entry = { question };
      entry.promise = new Promise((settle) => (entry.settle = settle));
      this.waiting.set(id, entry);
    }
    this.next();
    return entry.promise;
  }

  next() {
    if (this.asked || !this.send) return;
    const first = this.waiting.entries().next().value;
    if (!first) return;
    this.asked = first[0];
    this.send({ ...first[1].question, id: first[0] });
    // An answer can be lost when the page is run again meanwhile.
    this.timer = setTimeout(() => this.lost(), 8000);
  }

  lost() {
    this.asked = null;
    this.next();
  }

  accept(answer) {
    const entry = this.waiting.get(answer.id);
    if (this.asked === answer.id) {
      clearTimeout(this.timer);
      this.asked = null;
    }
    if (!answer.id) return;
    this.answers.set(answer.id, answer);
    if (this.answers.size > KEPT) this.answers.delete(this.answers.keys().next().value);
    this.waiting.delete(answer.id);
    entry?.settle(answer);
    this.next();
  }
}
