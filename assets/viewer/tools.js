// @ts-check
// What each tool of edit mode is called, and does when the pointer is let go. An editor is handed in: assets/viewer/editor.js.

import { cornersOf } from "./regions.js";

/** @typedef {import("./raster.js").Point} Point */

// Of each tool its key and a line of help; what is done with a pointer, and the rest acts on the chosen nucleus.
export const HELP = {
  select: ["s", "Click a nucleus to choose it; drag to move the picture."],
  delete: ["x", "Click a nucleus, or drag across several, to delete them. The Delete key deletes the chosen one."],
  draw: ["d", "Draw around a nucleus that is missing; the line closes when you let go."],
  add: ["a", "Click where the model saw something below the threshold; the wheel makes it larger or smaller before."],
  brush: ["b", "Paint on to the chosen nucleus, or to the one that you start in."],
  erase: ["e", "Wipe pixels off the chosen nucleus; if none is chosen, off any."],
  split: ["l", "Draw a line across a nucleus to split it."],
  seeds: ["w", "Click twice in one nucleus: it is split between the clicks, where the model saw the valley."],
  merge: ["m", "Drag from one nucleus to another to make them one."],
  rectangle: ["r", "Drag from one corner of a region to the opposite one. Nuclei are counted in it by their centroids."],
  polygon: ["g", "Click the corners of a region; click the first or the last one again, or press Enter, to close it."],
  freehand: ["h", "Draw around a region; the line closes when you let go."],
};
export const ACTS = { fill: "f", smooth: "o" };
export const WIDE = ["brush", "erase"];
export const REGION_TOOLS = ["rectangle", "polygon", "freehand"];
const CLOSE = 9; // pixels of the page between a click and a corner that it means

/**
 * What is said of a correction that was done.
 * @param {{ kind: string, numbers?: number[] }} operation
 * @param {number} [added] How many new nuclei there are; undefined where only the server knows.
 */
export function wordsOf({ kind, numbers = [] }, added) {
  const several = numbers.length > 1 ? `Nuclei ${numbers.slice(0, 5).join(", ")}${numbers.length > 5 ? " …" : ""}` : `Nucleus ${numbers[0]}`;
  if (kind === "split" || kind === "seeds") return added ? `Split: ${added} more nucle${added > 1 ? "i" : "us"}.` : "Splitting …";
  return {
    draw: "Nucleus added.",
    add: "Nucleus added.",
    delete: `${several} deleted.`,
    brush: `${several} painted.`,
    erase: "Erased.",
    merge: `${several} merged.`,
    fill: `Holes of nucleus ${numbers[0]} filled.`,
    smooth: `Nucleus ${numbers[0]} smoothed.`,
  }[kind];
}

/** @type {Record<string, (editor: any, line: Point[]) => void>} By tool, from the line that was drawn, in pixels of the image. */
export const ENDS = {
  delete(editor, line) {
    const numbers = new Set();
    line.forEach(([x, y], index) => {
      const [fromX, fromY] = line[Math.max(0, index - 1)];
      const steps = Math.max(1, Math.ceil(Math.hypot(x - fromX, y - fromY)));
      for (let step = 1; step <= steps; step++) {
        numbers.add(editor.labelAt([fromX + ((x - fromX) * step) / steps, fromY + ((y - fromY) * step) / steps]));
      }
    });
    numbers.delete(0);
    if (numbers.size) editor.do({ kind: "delete", numbers: [...numbers] });
    else editor.say("There is no nucleus there.");
  },

  draw(editor, line) {
    if (line.length < 3) return editor.say(HELP.draw[1]);
    editor.do({ kind: "draw", points: line, take: editor.take });
  },

  add(editor, [point]) {
    if (!editor.isInside(point)) return;
    if (editor.labelAt(point)) return editor.say("There is a nucleus already.");
    const level = Math.floor(editor.levelAt(point) * editor.share);
    if (!level) return editor.say("The model saw nothing there; draw the outline instead.");
    editor.do({ kind: "add", points: [point], level });
  },

  brush(editor, line) {
    const number = editor.chosen || editor.labelAt(line[0]);
    if (!number) return editor.say("Choose a nucleus first, or start in one.");
    editor.do({ kind: "brush", points: line, numbers: [number], radius: editor.radius, take: editor.take });
  },

  erase(editor, line) {
    editor.do({ kind: "erase", points: line, numbers: editor.chosen ? [editor.chosen] : [], radius: editor.radius });
  },

  split(editor, line) {
    if (line.length < 2) return editor.say(HELP.split[1]);
    editor.do({ kind: "split", points: line });
  },

  seeds(editor, [point]) {
    const number = editor.labelAt(point);
    if (!number) return editor.say("Click inside a nucleus.");
    const [first] = editor.corners;
    if (!first || editor.labelAt(first) !== number) {
      editor.corners = [point];
      editor.paint();
      return editor.say("Now click the other half of the same nucleus.");
    }
    editor.cancel();
    editor.do({ kind: "seeds", points: [first, point], numbers: [number] });
  },

  merge(editor, line) {
    const numbers = [editor.labelAt(line[0]), editor.labelAt(line[line.length - 1])];
    if (!numbers[0] || !numbers[1] || numbers[0] === numbers[1]) return editor.say(HELP.merge[1]);
    editor.do({ kind: "merge", numbers });
  },

  rectangle: (editor, line) => editor.addRegion(cornersOf("rectangle", line)),
  freehand: (editor, line) => editor.addRegion(line),

  polygon(editor, [point]) {
    const { corners } = editor;
    const near = (/** @type {Point} */ corner) => Math.hypot(point[0] - corner[0], point[1] - corner[1]) * editor.pageScale < CLOSE;
    if (corners.length > 2 && (near(corners[0]) || near(corners[corners.length - 1]))) return editor.closePolygon();
    if (!corners.length || !near(corners[corners.length - 1])) corners.push(point);
    editor.paint();
    editor.say(`Corner ${corners.length}. ${HELP.polygon[1]}`);
  },
};
