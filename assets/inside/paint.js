// Maps as pictures: levels of 8 bits on a scale of colours, on canvases.

export function painted(canvas, values, height, width, colors) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    const color = 3 * values[index];
    picture.data[4 * index] = colors[color];
    picture.data[4 * index + 1] = colors[color + 1];
    picture.data[4 * index + 2] = colors[color + 2];
    picture.data[4 * index + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

export function paintedRgb(canvas, values, height, width) {
  canvas.width = width;
  canvas.height = height;
  const picture = new ImageData(width, height);
  for (let index = 0; index < width * height; index++) {
    for (let part = 0; part < 3; part++) picture.data[4 * index + part] = values[3 * index + part];
    picture.data[4 * index + 3] = 255;
  }
  canvas.getContext("2d").putImageData(picture, 0, 0);
  return canvas;
}

// Numbered areas over the image; 0 leaves it as it is.
export function paintedLabels(canvas, image, labels, height, width, palette) {
  paintedRgb(canvas, image, height, width);
  const context = canvas.getContext("2d");
  const picture = context.getImageData(0, 0, width, height);
  const count = palette.length / 3;
  for (let index = 0; index < labels.length; index++) {
    if (!labels[index]) continue;
    const color = 3 * ((labels[index] - 1) % count);
    for (let part = 0; part < 3; part++) {
      picture.data[4 * index + part] = 0.35 * picture.data[4 * index + part] + 0.65 * palette[color + part];
    }
  }
  context.putImageData(picture, 0, 0);
  return canvas;
}

export function made(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "class") element.className = value;
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children);
  return element;
}

export function figure(canvas, words) {
  return made("figure", {}, canvas, made("figcaption", {}, words));
}

export function rounded(value) {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 100000) ? value.toExponential(2) : value.toFixed(size < 10 ? 3 : 2);
}
