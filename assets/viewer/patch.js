// @ts-check
// What a correction changed in a label map, pixel by pixel: of millions, nothing else is copied, painted or kept.

/** @typedef {import("./raster.js").Box} Box */

export class Patch {
  /** @param {Uint32Array} labels Which are changed in place. */
  constructor(labels) {
    this.labels = labels;
    /** @type {number[]} */
    this.places = [];
    /** @type {number[]} */
    this.values = []; // that stood there before; once it is taken back, those that it had put there
  }

  /**
   * @param {number} place
   * @param {number} value
   */
  set(place, value) {
    const before = this.labels[place];
    if (value === before) return;
    this.places.push(place);
    this.values.push(before);
    this.labels[place] = value;
  }

  /**
   * Keep what is there now, where others will change it: all pixels of some nuclei.
   * @param {number[]} numbers
   */
  remember(numbers) {
    const among = new Set(numbers);
    this.labels.forEach((value, place) => {
      if (!among.has(value)) return;
      this.places.push(place);
      this.values.push(value);
    });
    return this;
  }

  /**
   * Put back what stood there before, into these labels or others that are like them.
   * @param {Uint32Array} labels
   */
  undo(labels) {
    for (let index = this.places.length - 1; index >= 0; index--) this.exchange(labels, index);
  }

  /** @param {Uint32Array} labels */
  redo(labels) {
    for (let index = 0; index < this.places.length; index++) this.exchange(labels, index);
  }

  /**
   * @param {Uint32Array} labels
   * @param {number} index
   */
  exchange(labels, index) {
    const place = this.places[index];
    const value = labels[place];
    labels[place] = this.values[index];
    this.values[index] = value;
  }

  /**
   * The pixels around all that it changed; empty where it changed nothing.
   * @param {number} width Of the label map.
   * @returns {Box}
   */
  box(width) {
    const box = { left: Infinity, top: Infinity, right: 0, bottom: 0 };
    for (const place of this.places) {
      const column = place % width;
      const row = (place - column) / width;
      if (column < box.left) box.left = column;
      if (column >= box.right) box.right = column + 1;
      if (row < box.top) box.top = row;
      if (row >= box.bottom) box.bottom = row + 1;
    }
    return box;
  }
}
