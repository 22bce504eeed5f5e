import assert from "node:assert/strict";
import { test } from "node:test";

import { FRESH, SIDE, Trainer, drawn } from "../../assets/inside/trainer.js";
import { randomFrom } from "../../assets/inside/net.js";

const made = (changes = {}, side = 16) => new Trainer({ ...FRESH, images: 2, filters: 2, ...changes }, 3, side);
const random = randomFrom(5);
const image = Float32Array.from({ length: 256 }, () => random());
const mask = Float32Array.from({ length: 256 }, (_, at) => Number(at % 3 === 0));

for (const changes of [{}, { activation: "tanh", loss: "dice", levels: 4 }, { activation: "elu", skips: false, normalisation: false, levels: 2 }]) {
  test(`gradients are what small changes of the weights find: ${JSON.stringify(changes)}`, () => {
    const trainer = made({ activation: "elu", ...changes });
    const { logits, tape } = trainer.forward(image, false);
    trainer.lossOf(logits, mask, 1);
    while (tape.length) tape.pop()();
    let checked = 0;
    for (const { data, grad } of trainer.parameters) {
      for (let at = 0; at < data.length; at += Math.max(1, Math.floor(data.length / 2))) {
        const before = data[at];
        const losses = [0.002, -0.002].map((change) => {
          data[at] = before + change;
          return trainer.lossOf(trainer.forward(image, false).logits, mask);
        });
        data[at] = before;
        const expected = (losses[0] - losses[1]) / 0.004;
        assert.ok(Math.abs(grad[at] - expected) < 2e-3 + 0.03 * Math.abs(expected), `${grad[at]} and ${expected}`);
        checked++;
      }
    }
    assert.ok(checked > 10);
  });
}

test("it learns, and the same seed learns the same", () => {
  const losses = [1, 2].map(() => {
    const trainer = new Trainer({ ...FRESH, images: 4, noise: 0, levels: 2, filters: 3, batch: 2 }, 7);
    const first = trainer.validate().loss;
    for (let step = 0; step < 20; step++) trainer.step();
    return [first, trainer.validate().loss];
  });
  assert.deepEqual(losses[0], losses[1]);
  assert.ok(losses[0][1] < 0.9 * losses[0][0], losses[0].join(" → "));
});

test("few images are learned by heart: overfitting can be made to happen", () => {
  const trainer = new Trainer({ ...FRESH, images: 1, levels: 2, batch: 1 }, 7);
  for (let step = 0; step < 60; step++) trainer.step();
  const own = trainer.training[0];
  const loss = trainer.lossOf(trainer.forward(own.image, false).logits, own.mask);
  assert.ok(loss < 0.8 * trainer.validate().loss, `${loss} and ${trainer.validate().loss}`);
});

test("rings are drawn and not wanted", () => {
  const draw = randomFrom(2);
  let unwanted = 0;
  for (let index = 0; index < 20; index++) {
    const { image: picture, mask: wanted } = drawn(draw, 0);
    assert.equal(picture.length, SIDE * SIDE);
    unwanted += picture.filter((value, at) => value > 0 && !wanted[at]).length;
  }
  assert.ok(unwanted > 0);
});
