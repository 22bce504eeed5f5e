// Pointing at the square that is looked at: dragging it over the whole image, or moving it by the arrow keys.

import { moved } from "./within.js";

const STEP = 8; // pixels of the image
const WAIT_FOR_KEYS = 500; // ms after the last key
const pointers = new WeakMap();

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".point");
  let pointer = pointers.get(root);
  if (!pointer) pointers.set(root, (pointer = new Pointer(root)));
  pointer.update(data, (place) => setTriggerValue("moved", place));
  return () => pointer.close();
}

class Pointer {
  constructor(root) {
    this.root = root;
    this.image = root.querySelector("img");
    this.square = root.querySelector(".square");
    root.addEventListener("pointerdown", (event) => this.down(event));
    root.addEventListener("pointermove", (event) => this.held && this.to(event));
    for (const end of ["pointerup", "pointercancel"]) root.addEventListener(end, () => this.up());
    this.square.addEventListener("keydown", (event) => this.key(event));
  }

  update(data, send) {
    this.send = send;
    if (this.held || this.waiting) return;
    this.data = data;
    this.place = { top: data.top, left: data.left };
    this.image.src = data.picture;
    this.draw();
  }

  close() {
    clearTimeout(this.waiting);
    this.waiting = null;
  }

  // Of the image's pixels under a pointer.
  at(event) {
    const box = this.image.getBoundingClientRect();
    const share = (value, start, length) => Math.min(1, Math.max(0, (value - start) / length));
    return [share(event.clientY, box.top, box.height) * this.data.height, share(event.clientX, box.left, box.width) * this.data.width];
  }

  down(event) {
    const [row, column] = this.at(event);
    const { top, left } = this.place;
    const { side } = this.data;
    const inside = row >= top && row < top + side && column >= left && column < left + side;
    this.held = inside ? [row - top, column - left] : [side / 2, side / 2];
    this.root.setPointerCapture(event.pointerId);
    this.to(event);
  }

  to(event) {
    const [row, column] = this.at(event);
    this.place = moved(this.data, row - this.held[0], column - this.held[1]);
    this.draw();
  }

  up() {
    if (!this.held) return;
    this.held = null;
    this.tell();
  }

  key(event) {
    const [down, right] = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key] ?? [];
    if (down === undefined) return;
    event.preventDefault();
    const step = event.shiftKey ? this.data.side : STEP;
    this.place = moved(this.data, this.place.top + down * step, this.place.left + right * step);
    this.draw();
    clearTimeout(this.waiting);
    this.waiting = setTimeout(() => ((this.waiting = null), this.tell()), WAIT_FOR_KEYS);
  }

  tell() {
    const { top, left } = this.place;
    if (top !== this.data.top || left !== this.data.left) this.send([top, left]);
  }

  draw() {
    const { height, width, side } = this.data;
    const { top, left } = this.place;
    const share = (value, of) => `${(100 * value) / of}%`;
    this.square.style.cssText = `top:${share(top, height)};left:${share(left, width)};width:${share(Math.min(side, width), width)};height:${share(Math.min(side, height), height)}`;
    this.square.setAttribute("aria-label", `The square: ${top} pixels from the top, ${left} from the left. The arrow keys move it, with Shift by its own size.`);
  }
}
