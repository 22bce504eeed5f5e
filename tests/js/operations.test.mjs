// The browser draws a correction before the server answers: both must come to the same label map, to the pixel.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { corrected, eighth } from "../../assets/viewer/operations.js";
import { boxOf, polygonMask } from "../../assets/viewer/raster.js";

const golden = JSON.parse(await readFile(new URL("golden/operations.json", import.meta.url)));
const digest = (labels) => createHash("sha256").update(new Uint8Array(labels.buffer)).digest("hex");

test("each correction gives the label map that Python gives", () => {
  const [height, width] = golden.shape;
  const levels = Uint16Array.from(golden.levels);
  let nuclei = { labels: Uint32Array.from(golden.labels), width, height, next: golden.next, levels };
  const kinds = new Set();
  golden.steps.forEach(({ operation, labels, next }, index) => {
    const before = digest(nuclei.labels);
    const after = corrected(nuclei, { points: [], numbers: [], ...operation });
    const words = `step ${index}: ${JSON.stringify(operation)}`;
    assert.ok(after, words);
    assert.equal(digest(nuclei.labels), before, "what was given stays");
    assert.equal(digest(after.labels), labels, words);
    assert.equal(after.next, next, words);
    kinds.add(operation.kind);
    nuclei = after;
  });
  assert.deepEqual([...kinds].sort(), ["add", "brush", "delete", "draw", "erase", "fill", "merge", "smooth", "split"]);
});

test("what only the server can do, or would change nothing, is null", () => {
  const nuclei = { labels: new Uint32Array(16), width: 4, height: 4, next: 1, levels: new Uint16Array(16) };
  for (const kind of ["seeds", "nonsense"]) assert.equal(corrected(nuclei, { kind }), null);
  for (const kind of ["delete", "fill", "smooth"]) assert.equal(corrected(nuclei, { kind, numbers: [3] }), null);
  assert.equal(corrected(nuclei, { kind: "split", points: [[0, 0], [3, 3]] }), null);
  assert.equal(corrected(nuclei, { kind: "add", points: [[9, 9]], level: 1 }), null);
  assert.equal(corrected(nuclei, { kind: "draw", points: [[9, 9], [12, 9], [9, 12]] }), null);
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
