import assert from "node:assert/strict";
import { test } from "node:test";

import { clamped, geometryOf, parsePlace, percent, writePlace, zoomed } from "../../assets/viewer/geometry.js";

const canvas = { width: 800, height: 600 };
const picture = { width: 400, height: 200 };
const near = (value, expected) => assert.ok(Math.abs(value - expected) < 1e-9, `${value} is not ${expected}`);

test("all of a picture fits, its middle in the canvas's", () => {
  const { left, top, scale, fit } = geometryOf(null, canvas, picture);
  assert.equal(scale, 2);
  assert.equal(fit, 2);
  assert.equal(left, 0);
  assert.equal(top, -50);
});

test("what lies under the pointer stays there, wherever it is", () => {
  let place = null;
  for (const [factor, at] of [[3, [0.2, 0.5]], [1.7, [0.9, 0.4]], [0.6, [0.5, 0.5]]]) {
    const before = geometryOf(place, canvas, picture);
    const seen = [before.left + (at[0] * canvas.width) / before.scale, before.top + (at[1] * canvas.height) / before.scale];
    place = zoomed(place, factor, at, canvas, picture, 100);
    const after = geometryOf(place, canvas, picture);
    near(after.left + (at[0] * canvas.width) / after.scale, seen[0]);
    near(after.top + (at[1] * canvas.height) / after.scale, seen[1]);
  }
});

test("zooming ends at the whole picture and at the largest scale", () => {
  assert.equal(zoomed({ x: 0.5, y: 0.5, zoom: 2 }, 0.1, [0.5, 0.5], canvas, picture, 100), null);
  near(zoomed(null, 1e9, [0.5, 0.5], canvas, picture, 80).zoom, 40);
  assert.equal(zoomed(null, 4, [0.5, 0.5], canvas, picture, 1), null); // the whole is larger than that already
});

test("no more of the canvas stays empty than must", () => {
  const place = clamped({ x: -3, y: 9, zoom: 4 }, canvas, picture);
  const { left, top, scale } = geometryOf(place, canvas, picture);
  near(left, 0);
  near(top + canvas.height / scale, picture.height);
  assert.equal(clamped({ x: 0.1, y: 0.1, zoom: 1 }, canvas, picture).y, 0.5);
});

test("a place in the address is read as it was written; nonsense is all of the picture", () => {
  const place = { x: 0.25, y: 0.5, zoom: 3.125 };
  assert.deepEqual(parsePlace(writePlace(place)), place);
  assert.equal(writePlace(null), "");
  for (const text of ["", "1_2", "a_b_c", "0.5_0.5_1", "0.5_0.5_NaN", "_/script"]) assert.equal(parsePlace(text), null);
  assert.equal(parsePlace("0.5_0.5_1e9").zoom, 1000);
});

test("100% is one pixel of the image on one of the page", () => {
  assert.equal(percent(1, [300, 400], [300, 400]), "100%");
  assert.equal(percent(2.5, [300, 400], [300, 400]), "250%");
  assert.equal(percent(1, [300, 400], [3000, 4000]), "10%"); // of a large image a smaller one is shown
  assert.equal(percent(0.5, [300, 400], [3000, 4000]), "5.0%");
});
