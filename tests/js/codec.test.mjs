// What Python writes, JavaScript reads: the blob beside this file is made by studio/predict/viewer.py, and
// tests/js/test_javascript.py holds that Python still writes it so.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";

import { fromBase64, inflated, joined, readScene } from "../../assets/viewer/codec.js";

const read = async (name) => new Uint8Array(await readFile(new URL(`golden/${name}`, import.meta.url)));
const nothing = () => assert.fail("there is no JPEG in it");

test("a scene written by Python is read to the number", async () => {
  const scene = await readScene(await read("scene.bin"), nothing);
  const expected = JSON.parse(new TextDecoder().decode(await read("scene.json")));
  assert.deepEqual(scene.shown, expected.shown);
  assert.equal(scene.key, expected.key);
  assert.equal(scene.channels, expected.channels);
  for (const name of ["image", "levels", "classes", "labels"]) assert.deepEqual([...scene[name]], expected[name], name);
  assert.ok(scene.levels instanceof Uint16Array);
  assert.ok(scene.labels instanceof Uint32Array);
});

test("a scene may lie anywhere in a buffer", async () => {
  const blob = await read("scene.bin");
  const buffer = new Uint8Array(blob.length + 7);
  buffer.set(blob, 7);
  assert.equal((await readScene(buffer.subarray(7), nothing)).key, "golden");
});

test("a picture that is a JPEG is decoded and has four channels", async () => {
  const levels = Buffer.from("eJxjYGBgAAAABAAB", "base64"); // two levels of 0
  const parts = [{ name: "picture", bytes: 2 }, { name: "levels", bytes: levels.length }];
  const header = Buffer.from(JSON.stringify({ channels: 3, parts }));
  const length = Buffer.alloc(4);
  length.writeUInt32LE(header.length);
  const scene = await readScene(new Uint8Array(Buffer.concat([length, header, Buffer.from([8, 9]), levels])), async (jpeg) => {
    assert.deepEqual([...jpeg], [8, 9]);
    return new Uint8ClampedArray([1, 2, 3, 255]);
  });
  assert.equal(scene.channels, 4);
  assert.deepEqual([...scene.image], [1, 2, 3, 255]);
});

test("planes are joined into numbers of two and four bytes", () => {
  assert.deepEqual([...joined(new Uint8Array([1, 2, 0, 255]), Uint16Array)], [1, 2 + 255 * 256]);
  assert.deepEqual([...joined(new Uint8Array([255, 255, 255, 255]), Uint32Array)], [4294967295]);
  assert.equal(joined(new Uint8Array(0), Uint32Array).length, 0);
  assert.deepEqual([...joined(new Uint8Array([1, 2, 3, 4]), Uint32Array, 2)], [1 + 3 * 256, 2 + 4 * 256]);
});

test("what is not deflated is refused", async () => {
  await assert.rejects(inflated(fromBase64("bm90aGluZw==")));
});
