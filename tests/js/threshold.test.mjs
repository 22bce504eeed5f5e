import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { cutOf, histogramOf } from "../../assets/viewer/threshold.js";

test("the cut is Python's at every threshold that can be chosen", async () => {
  const cuts = JSON.parse(await readFile(new URL("golden/cuts.json", import.meta.url)));
  assert.equal(cuts.length, 101);
  cuts.forEach((cut, index) => assert.equal(cutOf(index / 100), cut, `at ${index / 100}`));
});

test("the share above a threshold, by the histogram, is that of the pixels", () => {
  const levels = Uint16Array.from({ length: 65536 }, (_, level) => level);
  const { bins, sums, total } = histogramOf(levels);
  assert.equal(total, 65536);
  assert.equal(bins.reduce((sum, count) => sum + count), 65536);
  assert.equal(sums[0], 65536);
  for (let index = 1; index < 1000; index++) {
    const above = 65536 - Math.ceil(65.535 * index);
    assert.ok(Math.abs(sums[index] - above) <= 1, `at ${index / 1000}: ${sums[index]}, not ${above}`);
  }
});

test("an image that is all one has one bar", () => {
  assert.equal(histogramOf(new Uint16Array(9)).bins[0], 9);
  assert.equal(histogramOf(new Uint16Array(9).fill(65535)).bins[99], 9);
});
