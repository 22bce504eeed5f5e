// Positive and negative nuclei at every frame: by number, beside the filter.

import assert from "node:assert/strict";
import { test } from "node:test";

import { countOf, flagsOf, stepOf } from "../../assets/viewer/marker.js";

const means = Float32Array.from([NaN, 10, 20, NaN, 30]);

test("a nucleus is positive above the level, and numbers without a mean have no class", () => {
  const flags = flagsOf(null, means, 20, 4);
  assert.deepEqual([...flags.slice(0, 5)], [1, 3, 3, 1, 7]);
  assert.deepEqual(countOf(flags), [3, 1]);
  assert.deepEqual(countOf(flagsOf(null, means, 9, 4)), [3, 3]);
  assert.deepEqual(countOf(flagsOf(null, means, 30, 4)), [3, 0]);
});

test("what a filter leaves out is not counted, and nuclei drawn since are kept", () => {
  const flags = flagsOf(Uint8Array.from([0, 1, 1, 0, 0, 0, 0, 0]), means, 15, 4);
  assert.deepEqual([...flags], [0, 3, 7, 0, 6, 0, 0, 0, 1, 1, 1, 1]);
  assert.deepEqual(countOf(flags), [2, 1]);
});

test("rows are whole, with one for numbers to come; without anything to say there are none", () => {
  assert.equal(flagsOf(null, new Float32Array(8), 1, 4).length, 12);
  assert.equal(flagsOf(null, null, 1, 4), null);
});

test("a slider's step is a power of ten", () => {
  assert.equal(stepOf(0, 255), 1);
  assert.equal(stepOf(100, 60000), 100);
  assert.equal(stepOf(0, 1), 0.001);
  assert.equal(stepOf(5, 5), 1);
});
