// @ts-check
// Where a picture lies on its canvas, and how that changes: plain arithmetic.

import { short, within } from "./numbers.js";

/**
 * The centre of what is seen, in shares of the picture, and how many times larger than as a whole it is shown.
 * @typedef {{ x: number, y: number, zoom: number }} Place Null stands for all of the picture.
 * @typedef {{ width: number, height: number }} Size
 * @typedef {{ left: number, top: number, scale: number, fit: number }} Geometry Left and top of the canvas in pixels of
 *   the picture, the canvas's pixels for one of them, and for one of them where all of the picture is seen.
 */

/**
 * Read a place as it stands in the address: x_y_zoom.
 * @param {string} text
 * @returns {Place | null}
 */
export function parsePlace(text) {
  const [x, y, zoom] = text.split("_").map(Number);
  return [x, y, zoom].every(Number.isFinite) && zoom > 1 ? { x, y, zoom: Math.min(zoom, 1000) } : null;
}

/** @param {Place | null} place */
export function writePlace(place) {
  return place ? [place.x, place.y, place.zoom].map(short).join("_") : "";
}

/**
 * @param {Place | null} place
 * @param {Size} canvas
 * @param {Size} picture
 * @returns {Geometry}
 */
export function geometryOf(place, canvas, picture) {
  const fit = Math.min(canvas.width / picture.width, canvas.height / picture.height);
  const { x, y, zoom } = place ?? { x: 0.5, y: 0.5, zoom: 1 };
  const scale = fit * zoom;
  return {
    left: x * picture.width - canvas.width / 2 / scale,
    top: y * picture.height - canvas.height / 2 / scale,
    scale,
    fit,
  };
}

/**
 * Say how large a picture is shown: at 100% a pixel of the image takes one of the page.
 * @param {number} scale Pixels of the page for one of what is shown of the image.
 * @param {[number, number]} shown Height and width of that.
 * @param {[number, number]} size Height and width of the image itself.
 * @returns {string}
 */
export function percent(scale, shown, size) {
  const share = 100 * scale * (shown[1] / size[1]);
  return `${share < 10 ? share.toFixed(1) : Math.round(share)}%`;
}

/**
 * Zoom around a point of the canvas, what lies under it staying there.
 * @param {Place | null} place
 * @param {number} factor
 * @param {[number, number]} at In shares of the canvas.
 * @param {Size} canvas
 * @param {Size} picture
 * @param {number} most The canvas's pixels for one of the picture that are not to be exceeded.
 * @returns {Place | null}
 */
export function zoomed(place, factor, at, canvas, picture, most) {
  const { left, top, scale, fit } = geometryOf(place, canvas, picture);
  const across = at[0] * canvas.width;
  const down = at[1] * canvas.height;
  const wanted = within(scale * factor, fit, Math.max(fit, most));
  if (wanted <= fit * 1.001) return null;
  return {
    x: (left + across / scale + (canvas.width / 2 - across) / wanted) / picture.width,
    y: (top + down / scale + (canvas.height / 2 - down) / wanted) / picture.height,
    zoom: wanted / fit,
  };
}

/**
 * Move a place so that no more than needed of the canvas shows nothing.
 * @param {Place} place
 * @param {Size} canvas
 * @param {Size} picture
 * @returns {Place}
 */
export function clamped(place, canvas, picture) {
  const { scale } = geometryOf(place, canvas, picture);
  const keep = (/** @type {number} */ value, /** @type {number} */ seen) =>
    seen >= 1 ? 0.5 : within(value, seen / 2, 1 - seen / 2);
  return {
    ...place,
    x: keep(place.x, canvas.width / scale / picture.width),
    y: keep(place.y, canvas.height / scale / picture.height),
  };
}
