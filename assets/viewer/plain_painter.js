// Draws the same picture as the card's painter, pixel by pixel, without a graphics card.

import { NEGATIVE_COLOR, POSITIVE_COLOR } from "./marker.js";

export class PlainPainter {
  constructor(canvas) {
    this.canvas = canvas;
    this.context = canvas.getContext("2d");
  }

  paint(scene, found, look) {
    const { canvas, context } = this;
    if (!canvas.width || !canvas.height) return;
    if (this.picture?.width !== canvas.width || this.picture.height !== canvas.height) {
      this.picture = context.createImageData(canvas.width, canvas.height);
    }
    const isKept = this.painted === this.picture && look.only;
    this.painted = this.picture;
    const out = new Uint32Array(this.picture.data.buffer);
    const [height, width] = scene.shown;
    if (isKept) look = { ...look, only: seenBox(look, canvas) };
    else {
      const [red, green, blue] = look.background.map((value) => Math.round(value * 255));
      out.fill(0xff000000 | (blue << 16) | (green << 8) | red);
      look = { ...look, only: { left: 0, top: 0, right: canvas.width, bottom: canvas.height } };
    }
    this.fill(out, scene, scene, found.labels, look.fresh, found, look, [0, 0, width, height]);
    const near = look.detail;
    if (near) this.fill(out, scene, near, near.labels, look.detailFresh, found, look, near.place);
    const { left, top, right, bottom } = look.only;
    context.putImageData(this.picture, 0, 0, left, top, Math.max(0, right - left), Math.max(0, bottom - top));
  }

  // Draw what one source of pixels, the whole picture or a part of it in full, knows of a place in the picture.
  fill(out, scene, source, labels, decided, found, look, [left, top, wide, high]) {
    const { canvas } = this;
    const [rows, columns] = source.shown;
    const { levels, image, channels } = source;
    const { cut, selected, opacity, heat, colors } = look;
    const { fill, outline, heat: hot, objects } = look.layers;
    const { flags } = found;
    const classes = source === scene ? scene.classes : null;
    const adjust = Uint8ClampedArray.from({ length: 256 }, (_, value) => (value - 127.5) * look.contrast + 127.5 + 255 * look.brightness);
    const known = decided && labels;
    const wipe = look.wipe === null ? -1 : look.wipe * canvas.width;
    // Of each column and row of the canvas the pixel of the source, and those that a rim is looked for in.
    const across = placesOf(canvas.width, look.left, look.scale, left, wide, columns, look.rim);
    const down = placesOf(canvas.height, look.top, look.scale, top, high, rows, look.rim);
    const { only } = look;
    for (let row = Math.max(down.first, only.top); row < Math.min(down.last, only.bottom); row++) {
      const line = down.here[row] * columns;
      const above = down.before[row] * columns;
      const below = down.after[row] * columns;
      for (let column = Math.max(across.first, only.left); column < Math.min(across.last, only.right); column++) {
        const x = across.here[column];
        const place = line + x;
        let red, green, blue;
        if (channels < 3) red = green = blue = adjust[image[place]];
        else {
          const at = place * channels;
          red = adjust[image[at]];
          green = adjust[image[at + 1]];
          blue = adjust[image[at + 2]];
        }
        if (column >= wipe) {
          const label = known ? labels[place] : levels[place] > cut ? 1 : 0;
          if (hot) {
            const level = 3 * ((levels[place] * 255 + 32767) / 65535 | 0);
            red = heat[level];
            green = heat[level + 1];
            blue = heat[level + 2];
          }
          if (label) {
            const flag = flags && known ? (flags[label] ?? 1) : 1;
            const faint = (flag & 1) === 0;
            const chosen = known && label === selected;
            let own = classes ? 3 * ((Math.max(1, classes[place]) - 1) % 7) : 0;
            if (flag & 2) own = 3 * (flag & 4 ? POSITIVE_COLOR : NEGATIVE_COLOR);
            let share = opacity * (faint ? 0.25 : selected && known && !chosen ? 0.5 : 1);
            let color = own;
            if (objects && known) {
              color = 3 * (7 + ((label - 1) % 21));
              share = faint ? 0.25 : Math.max(share, 0.25);
            } else if (!fill || hot) share = 0;
            red += (colors[color] - red) * share;
            green += (colors[color + 1] - green) * share;
            blue += (colors[color + 2] - blue) * share;
            if (outline || chosen) {
              const one = line + across.before[column];
              const two = line + across.after[column];
              const rim = known
                ? labels[one] !== label || labels[two] !== label || labels[above + x] !== label || labels[below + x] !== label
                : levels[one] <= cut || levels[two] <= cut || levels[above + x] <= cut || levels[below + x] <= cut;
              if (rim) {
                const solid = chosen || !faint ? 1 : hot ? 0.3 : 0.4;
                const white = chosen || hot;
                red += ((white ? 255 : colors[own]) - red) * solid;
                green += ((white ? 255 : colors[own + 1]) - green) * solid;
                blue += ((white ? 255 : colors[own + 2]) - blue) * solid;
              }
            }
          }
        }
        out[row * canvas.width + column] = 0xff000000 | (blue << 16) | (green << 8) | red;
      }
    }
  }
}

// Where a box of the picture lies on the canvas, with the rims of what is beside it.
function seenBox({ left, top, scale, rim, only }, { width, height }) {
  const least = (value, start) => Math.floor((value - start) * scale - rim) - 1;
  const most = (value, start) => Math.ceil((value - start) * scale + rim) + 1;
  return {
    left: Math.max(0, least(only.left, left)),
    top: Math.max(0, least(only.top, top)),
    right: Math.min(width, most(only.right, left)),
    bottom: Math.min(height, most(only.bottom, top)),
  };
}

// Which pixels of a source lie under the canvas's along one axis, and which lie a rim's width before and after them.
function placesOf(length, start, scale, from, extent, pixels, rim) {
  const places = { here: new Int32Array(length), before: new Int32Array(length), after: new Int32Array(length) };
  const at = (position) => Math.min(pixels - 1, Math.max(0, Math.floor(((position - from) / extent) * pixels)));
  for (let index = 0; index < length; index++) {
    const middle = start + (index + 0.5) / scale;
    places.here[index] = at(middle);
    places.before[index] = at(middle - rim / scale);
    places.after[index] = at(middle + rim / scale);
  }
  const edge = (position) => Math.min(length, Math.max(0, Math.ceil((position - start) * scale - 0.5)));
  return { ...places, first: edge(from), last: edge(from + extent) };
}
