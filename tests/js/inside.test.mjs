import assert from "node:assert/strict";
import { test } from "node:test";
import { deflateSync } from "node:zlib";

import { applied, workedOut } from "../../assets/inside/arithmetic.js";
import { FRAMES, atFrame, framesOf } from "../../assets/inside/frames.js";
import { onOneScale } from "../../assets/inside/scale.js";
import { placed, related } from "../../assets/inside/layout.js";
import { moved } from "../../assets/inside/within.js";
import { unpacked } from "../../assets/inside/unpack.js";

function packed(about, arrays) {
  const parts = arrays.map(({ values }) => deflateSync(Buffer.from(values.buffer)));
  const described = arrays.map(({ name, type, shape }, index) => ({ name, type, shape, bytes: parts[index].length }));
  const words = Buffer.from(JSON.stringify({ ...about, arrays: described }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(words.length);
  return new Uint8Array(Buffer.concat([length, words, ...parts]));
}

test("what was packed is unpacked", async () => {
  const values = Float32Array.of(1.5, -2, 3, 4, 5, 6);
  const found = await unpacked(packed({ id: "a" }, [{ name: "x", type: "f4", shape: [2, 3], values }]));
  assert.equal(found.id, "a");
  assert.deepEqual(found.arrays.x, { values, shape: [2, 3] });
});

const layer = (values, shape) => ({ values: Float32Array.from(values), shape });

test("a convolution at the edge reads zeros, and normalisation and activation follow", () => {
  const window_ = {
    area: [0, 0, 1, 2], size: [2, 2],
    base: { kind: "convolution", inputs: ["x"], side: 3, stride: 1, pads: [1, 1], origin: [-1, -1], size: [2, 2], channels: 1, first: 0 },
    steps: [{ name: "c", kind: "convolution", bias: 0.5 }, { name: "n", kind: "normalisation", mean: 1, variance: 3, epsilon: 1, scale: 4, shift: -1 }, { name: "r", kind: "activation", function: "relu" }],
    arrays: {
      window: layer([0, 0, 0, 0, 0, 1, 2, 0, 0, 3, 4, 0], [1, 3, 4]), kernel: layer([1, 1, 1, 1, 10, 1, 1, 1, 2], [1, 3, 3]),
      step0: layer([23.5, 0], [1, 2]), step1: layer([44, 0], [1, 2]), step2: layer([44, 0], [1, 2]),
    },
  };
  const { terms, steps } = workedOut(window_, 0, 0);
  assert.equal(terms.length, 9);
  assert.equal(terms.filter((term) => term.outside).length, 5);
  assert.equal(steps[0].value, 10 * 1 + 2 + 3 + 2 * 4 + 0.5);
  assert.equal(steps[1].value, (23.5 - 1) / 2 * 4 - 1);
  assert.equal(steps[2].value, 44);
});

test("a transposed convolution takes the weight of its corner, and pooling the greatest", () => {
  const common = { area: [2, 2, 2, 2], size: [4, 4], steps: [{ kind: "transposed convolution", bias: 1 }] };
  const arrays = { window: layer([3, 5], [2, 1, 1]), kernel: layer([1, 2, 3, 4, 10, 20, 30, 40], [2, 2, 2]), step0: layer([0, 0, 0, 0], [2, 2]) };
  const base = { kind: "transposed convolution", inputs: ["x"], side: 2, stride: 2, pads: [0, 0], origin: [1, 1], size: [2, 2], channels: 2, first: 0 };
  assert.equal(workedOut({ ...common, base, arrays }, 3, 2).steps[0].value, 3 * 3 + 5 * 30 + 1);
  const pool = { ...base, kind: "max pooling", channels: 1, origin: [0, 0], size: [4, 4] };
  const read = { area: [0, 0, 1, 1], size: [2, 2], steps: [{ kind: "max pooling" }], base: pool, arrays: { window: layer([1, 7, 3, 2], [1, 2, 2]), step0: layer([7], [1, 1]) } };
  assert.equal(workedOut(read, 0, 0).steps[0].value, 7);
});

test("GELU is exact where it matters", () => {
  for (const [x, expected] of [[0, 0], [1, 0.8413447460685429], [-1, -0.15865525393145707], [4, 3.9998733150350117], [-9, 0]]) {
    assert.ok(Math.abs(applied({ function: "gelu" }, x) - expected) < 1e-9, `${x}`);
  }
});

const stacks = [
  { layer: "image", level: 0, side: "down", size: [3, 64, 64], inputs: [] },
  { layer: "a", level: 0, side: "down", size: [8, 64, 64], inputs: ["image"] },
  { layer: "pool", level: 1, side: "bottom", size: [8, 32, 32], inputs: ["a"] },
  { layer: "rise", level: 0, side: "up", size: [8, 64, 64], inputs: ["pool"] },
  { layer: "skip", level: 0, side: "up", size: [16, 64, 64], inputs: ["rise", "a"] },
];

test("no stack lies on another at any width, and all lie within", () => {
  for (const width of [360, 700, 1280]) {
    const { places, height } = placed(stacks, width);
    const boxes = Object.values(places);
    assert.equal(boxes.length, stacks.length);
    for (const [index, one] of boxes.entries()) {
      assert.ok(one.x >= 0 && one.x + one.side <= width && one.y + one.side <= height, `${width}`);
      for (const other of boxes.slice(index + 1)) {
        const apart = one.x + one.side <= other.x || other.x + other.side <= one.x || one.y + one.side <= other.y || other.y + other.side <= one.y;
        assert.ok(apart, `${width}`);
      }
    }
    assert.equal(places.image.side, 2 * places.pool.side);
  }
});

test("the frames of a film are on one range for each map", () => {
  const tiles = Uint8Array.of(0, 255, 0, 255, 0, 255, 0, 255); // two frames of two maps of two values
  const ranges = Float32Array.of(0, 1, 5, 5, -1, 3, 0, 10);
  assert.deepEqual(onOneScale(tiles, ranges, 2, 2, 2).map((frame) => frame.map((map) => [...map])), [[[64, 128], [128, 128]], [[0, 255], [0, 255]]]);
});

test("the square stays within its image, in whole pixels", () => {
  const image = { height: 200, width: 100, side: 128 };
  assert.deepEqual(moved(image, -5, 3), { top: 0, left: 0 });
  assert.deepEqual(moved(image, 71.6, 0), { top: 72, left: 0 });
  assert.deepEqual(moved(image, 1e9, 1e9), { top: 72, left: 0 });
});

test("where a stack comes from and goes to", () => {
  const { from, to } = related(stacks, "a");
  assert.deepEqual([...from], ["image"]);
  assert.deepEqual([...to], ["pool", "skip"]);
});

test("the flooding begins with the mask, only ever rises, and ends with the nuclei", () => {
  const flat = (...values) => ({ values: Uint16Array.from(values) });
  const answer = {
    threshold: 0.4, separation: { separate: true, has_heads: true, min_valley_depth: 0.3, min_area: 4 },
    arrays: { mask: flat(0, 1, 1, 1, 1), distance: { values: Float32Array.of(0, 1, 0.4, 0.8, 0.1) }, peaks: flat(0, 1, 0, 1, 0), basins: flat(0, 1, 1, 2, 2), merged: flat(0, 1, 1, 1, 1), labels: flat(0, 1, 1, 1, 1) },
  };
  const parts = framesOf(answer);
  const wet = Array.from({ length: FRAMES }, (_, frame) => [...atFrame(parts, frame).labels]);
  assert.deepEqual(wet[0], [0, 1, 1, 1, 1]);
  assert.deepEqual(wet[1], [0, 1, 0, 2, 0]);
  for (let frame = 3; frame < FRAMES - 2; frame++) wet[frame - 1].forEach((number, index) => number && assert.equal(wet[frame][index], number));
  assert.deepEqual(wet[FRAMES - 3], [0, 1, 1, 2, 2]);
  assert.deepEqual(wet.at(-1), [0, 1, 1, 1, 1]);
});
