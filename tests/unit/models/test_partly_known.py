"""What is not finished is not learned from: no loss, no gradient, no metric outside."""

from __future__ import annotations

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet.config import LOSSES, ModelConfig, preset
from unet.models.losses import make_loss
from unet.models.metrics import make_metrics

random = np.random.default_rng(3)
MODELS = {
    "heads": dataclasses.replace(preset("nuclei").model, filters=(4, 8), dropout=(0.0,), input_size=(32, 32)),
    "mask": ModelConfig(filters=(4, 8), dropout=(0.0,)),
    "classes": ModelConfig(filters=(4, 8), dropout=(0.0,), classes=3),
}


def batch(config: ModelConfig) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return masks, maps, and where the masks are known: the left half of each."""
    shape = (2, 8, 10)
    masks = random.integers(0, 3 if config.classes > 1 else 2, (*shape, 3 if config.has_heads else 1))
    maps = random.uniform(0.05, 0.95, (*shape, config.maps)).astype(np.float32)
    known = np.zeros((*shape, 1), np.float32)
    known[:, :, :5] = 1
    return masks.astype(np.float32), maps / (maps.sum(-1, keepdims=True) if config.classes > 1 else 1), known


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("config", MODELS.values(), ids=MODELS)
def test_the_gradient_is_zero_outside_and_only_there(config, name):
    masks, maps, known = batch(config)
    with tf.GradientTape() as tape:
        given = tf.constant(maps)
        tape.watch(given)
        loss = tf.reduce_sum(make_loss(name, config)(np.concatenate([masks, known], -1), given))
    gradient = np.asarray(tape.gradient(loss, given))
    assert (gradient[:, :, 5:] == 0).all()
    assert (np.abs(gradient[:, :, :5]).sum(axis=-1) > 0).all()


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("config", MODELS.values(), ids=MODELS)
def test_all_known_is_as_if_nothing_were_said(config, name):
    masks, maps, known = batch(config)
    loss = make_loss(name, config)
    said = loss(np.concatenate([masks, np.ones_like(known)], -1), maps)
    np.testing.assert_allclose(said, loss(masks, maps), rtol=1e-6)


@pytest.mark.parametrize("config", MODELS.values(), ids=MODELS)
def test_metrics_count_only_what_is_known(config):
    masks, maps, known = batch(config)
    wrong = maps.copy()
    wrong[:, :, 5:] = wrong[:, :, 5:, ::-1] if config.classes > 1 else 1 - wrong[:, :, 5:]
    for one, other, half in zip(*(make_metrics(config.classes) for _ in range(3)), strict=True):
        one.update_state(np.concatenate([masks, known], -1), maps)
        other.update_state(np.concatenate([masks, known], -1), wrong)
        half.update_state(masks[:, :, :5], maps[:, :, :5])
        assert float(one.result()) == pytest.approx(float(other.result())) == pytest.approx(float(half.result()))


def test_statistics_stay_those_of_the_start():
    from unet.models.network import build_unet
    from unet.training.optimizer import keep_statistics

    config = MODELS["heads"]
    keras.utils.set_random_seed(1)
    model = build_unet(config)
    keep_statistics(model)
    norms = [layer for layer in model.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [value.copy() for layer in norms for value in layer.get_weights()]
    images = random.integers(0, 255, (2, 32, 32, 3)).astype(np.float32)
    targets = random.integers(0, 2, (2, 32, 32, 3)).astype(np.float32)
    kernel = model.layers[2].get_weights()[0].copy()
    model.compile("adam", make_loss("crossentropy+dice", config))
    model.fit(images, targets, verbose=0)
    assert norms and all(
        np.array_equal(one, other)
        for one, other in zip(before, (value for layer in norms for value in layer.get_weights()), strict=True)
    )
    assert not np.array_equal(kernel, model.layers[2].get_weights()[0])
