// The browser draws a correction before the server answers: both must come to the same label map, to the pixel.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { correct, eighth } from "../../assets/viewer/operations.js";
import { Patch } from "../../assets/viewer/patch.js";
import { boxOf, polygonMask } from "../../assets/viewer/raster.js";

const golden = JSON.parse(await readFile(new URL("golden/operations.json", import.meta.url)));
const digest = (labels) => createHash("sha256").update(new Uint8Array(labels.buffer)).digest("hex");

test("each correction gives the label map that Python gives", () => {
  const [height, width] = golden.shape;
  const levels = Uint16Array.from(golden.levels);
  const nuclei = { labels: Uint32Array.from(golden.labels), width, height, next: golden.next, levels };
  const kinds = new Set();
  golden.steps.forEach(({ operation, labels, next }, index) => {
    const before = nuclei.labels.slice();
    const after = correct(nuclei, { points: [], numbers: [], ...operation });
    const words = `step ${index}: ${JSON.stringify(operation)}`;
    assert.ok(after, words);
    assert.equal(digest(nuclei.labels), labels, words);
    assert.equal(after.next, next, words);
    const { left, top, right, bottom } = after.patch.box(width);
    const isInside = (place) => place % width >= left && place % width < right && place >= top * width && place < bottom * width;
    assert.ok(before.every((value, place) => value === nuclei.labels[place] || isInside(place)), `${words}: beside its box`);
    after.patch.undo(nuclei.labels);
    assert.deepEqual(nuclei.labels, before, `${words}: undone`);
    after.patch.redo(nuclei.labels);
    assert.equal(digest(nuclei.labels), labels, `${words}: redone`);
    kinds.add(operation.kind);
    nuclei.next = next;
  });
  assert.deepEqual([...kinds].sort(), ["add", "brush", "delete", "draw", "erase", "fill", "merge", "smooth", "split"]);
});

test("what only the server can do, or would change nothing, is null", () => {
  const nuclei = { labels: new Uint32Array(16), width: 4, height: 4, next: 1, levels: new Uint16Array(16) };
  for (const kind of ["seeds", "nonsense"]) assert.equal(correct(nuclei, { kind }), null);
  for (const kind of ["delete", "fill", "smooth"]) assert.equal(correct(nuclei, { kind, numbers: [3] }), null);
  assert.equal(correct(nuclei, { kind: "split", points: [[0, 0], [3, 3]] }), null);
  assert.equal(correct(nuclei, { kind: "add", points: [[9, 9]], level: 1 }), null);
  assert.equal(correct(nuclei, { kind: "draw", points: [[9, 9], [12, 9], [9, 12]] }), null);
});

test("a pixel belongs to a shape if its middle does", () => {
  const points = [[0.5, 0.625], [2.625, 0.625], [2.625, 2.5], [0.5, 2.5]];
  const box = boxOf(points, 0, 4, 4);
  assert.deepEqual(box, { left: 0, top: 0, right: 4, bottom: 4 });
  assert.deepEqual([...polygonMask(points, box)], [0, 0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
});

test("a drawn outline of thousands of points has a box", () => {
  const points = Array.from({ length: 200000 }, (_, index) => [index % 100, index % 50]);
  assert.deepEqual(boxOf(points, 0, 1000, 1000), { left: 0, top: 0, right: 100, bottom: 50 });
});

test("coordinates are sent in eighths", () => {
  assert.equal(eighth(1.06), 1);
  assert.equal(eighth(1.0625), 1.125);
  assert.equal(eighth(-0.07), -0.125);
});

test("what the server changes in some nuclei is taken back in another copy of the labels", () => {
  const first = Uint32Array.from([0, 1, 1, 2, 2, 0]);
  const patch = new Patch(first).remember([1]);
  const answered = Uint32Array.from([0, 1, 3, 2, 2, 0]);
  patch.undo(answered);
  assert.deepEqual([...answered], [...first]);
  patch.redo(answered);
  assert.deepEqual([...answered], [0, 1, 3, 2, 2, 0]);
});

test("many nuclei are deleted as a few are", () => {
  const labels = Uint32Array.from({ length: 36 }, (_, place) => (place % 3 ? place % 12 : 0));
  const delete_ = (numbers) => {
    const nuclei = { labels: labels.slice(), width: 6, height: 6, next: 12, levels: new Uint16Array(36) };
    for (const each of numbers) correct(nuclei, { kind: "delete", numbers: each });
    return nuclei.labels;
  };
  const numbers = [1, 2, 4, 5, 7, 8];
  assert.deepEqual(delete_([numbers]), delete_(numbers.map((number) => [number])));
  assert.deepEqual(delete_([numbers]), labels.map((value) => (value > 8 ? value : 0)));
});
