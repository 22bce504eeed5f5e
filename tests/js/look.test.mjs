import assert from "node:assert/strict";
import { test } from "node:test";

import { AT_FIRST, parseLook, writeLook } from "../../assets/viewer/look.js";

test("a look in the address is read as it was written", () => {
  for (const changes of [{ layers: "p" }, { layers: "" }, { wipe: 0 }, { wipe: 0.35 }, { opacity: 0.1, contrast: 3, brightness: -0.2 }]) {
    const look = { ...AT_FIRST, ...changes };
    assert.deepEqual(parseLook(writeLook(look)), look);
  }
});

test("as at first it needs no words", () => assert.equal(writeLook({ ...AT_FIRST }), ""));

test("what makes no sense in the address changes nothing, what goes too far is brought back", () => {
  for (const text of ["", "x_1_1_0_1", "mo_1", "mo_a__0_1", "mo_0.4__0_1_5", "<b>_1__0_1"]) assert.deepEqual(parseLook(text), {});
  assert.deepEqual(parseLook("n_7_-3_9_100"), { layers: "n", opacity: 1, wipe: 0, brightness: 0.8, contrast: 6 });
});
