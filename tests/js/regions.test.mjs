// What stands beside a region while the level of positive nuclei is moved.

import assert from "node:assert/strict";
import { test } from "node:test";

import { flagsOf } from "../../assets/viewer/marker.js";
import { labelOf } from "../../assets/viewer/regions.js";

const means = Float32Array.from([NaN, 10, 20, 30, 40]);
const numbers = Buffer.from(Uint32Array.from([1, 2, 4]).buffer).toString("base64");
const region = { points: [], label: "left · 3 nuclei", numbers };

test("the share of a region follows the level, of the nuclei in it only", () => {
  assert.equal(labelOf(region, flagsOf(null, means, 15, 4)), "left · 3 nuclei · 66.7% positive");
  assert.equal(labelOf(region, flagsOf(null, means, 35, 4)), "left · 3 nuclei · 33.3% positive");
  assert.equal(labelOf(region, flagsOf(null, means, 99, 4)), "left · 3 nuclei · 0.0% positive");
});

test("where nuclei have no class, or none of a region is kept, there is no share", () => {
  assert.equal(labelOf({ ...region, numbers: undefined }, flagsOf(null, means, 15, 4)), region.label);
  assert.equal(labelOf(region, null), region.label);
  assert.equal(labelOf(region, flagsOf(new Uint8Array(8), means, 15, 4)), region.label);
});
