"""A step that is looked at is a step as Keras takes it."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from unet.config import ModelConfig, TrainingConfig
from unet.models.folder import load_model, save_model
from unet.models.losses import make_loss
from unet.models.metadata import ModelInfo
from unet.models.network import build_unet
from unet.training.one_step import make_steps, read_step, step_path, take_step
from unet.training.optimizer import make_optimizer
from unet.training.process import train_run

SMALL = ModelConfig(input_size=(16, 16), channels=1, filters=(3, 4), dropout=(0.0,), normalization="batch")
HEADS = ModelConfig(
    input_size=(16, 16), channels=1, filters=(3, 4), dropout=(0.0,), outputs="mask+border+distance", resolution="native"
)


def compiled(config, seed=1):
    keras.utils.set_random_seed(seed)
    model, training = build_unet(config), TrainingConfig(learning_rate=0.01)
    optimizer = make_optimizer(training, 20)
    optimizer.build(model.trainable_variables)
    model.compile(optimizer, make_loss("crossentropy", config))
    return model


def batch_for(config):
    random = np.random.default_rng(0)
    images = random.integers(0, 256, (4, 16, 16, 1), np.uint8)
    targets = (random.random((4, 16, 16, config.maps)) > 0.6).astype(np.float32 if config.has_heads else np.uint8)
    return images, targets


@pytest.mark.parametrize("config", [SMALL, HEADS], ids=["mask", "heads"])
def test_the_gradients_are_those_of_keras_and_the_weights_those_of_one_optimizer_step(config):
    batch, model, other = batch_for(config), compiled(config), compiled(config)
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(make_loss("crossentropy", config)(batch[1], other(batch[0], training=True)))
    expected = {
        variable.path: np.asarray(value)
        for variable, value in zip(
            other.trainable_variables, tape.gradient(loss, other.trainable_variables), strict=True
        )
    }
    other = compiled(config)
    other.train_on_batch(*batch)
    step = take_step(model, batch)
    assert step.about["step"] == 1 and step.about["loss"] == pytest.approx(float(loss), rel=1e-5)
    for layer in step.about["layers"]:
        name = layer["name"]
        gradient = expected[f"{name}/kernel"]
        assert layer["gradient"] == pytest.approx(np.sqrt(np.mean(gradient**2)), rel=1e-4)
        np.testing.assert_allclose(
            step.arrays[f"{name}:gradient"], np.moveaxis(gradient[:, :, 0, :8], -1, 0), rtol=1e-3, atol=1e-6
        )
        kernel = np.asarray(other.get_layer(name).kernel)
        np.testing.assert_allclose(step.arrays[f"{name}:after"], np.moveaxis(kernel[:, :, 0, :8], -1, 0), atol=1e-5)
        assert layer["change"] > 0
    for one, same in zip(model.variables, other.variables, strict=True):
        # A bias before a normalisation changes nothing: its gradient is rounding, which Adam makes as large as any.
        is_told = config is HEADS or not one.path.endswith("/bias") or one.path.startswith(("rise", "prob"))
        if is_told and "seed" not in one.path:
            np.testing.assert_allclose(np.asarray(one), np.asarray(same), atol=1e-5, err_msg=one.path)
    assert step.about["loss_after"] < step.about["loss"]
    assert step.arrays["pixels"].shape == step.arrays["truth"].shape == (4, 16, 16)


def test_steps_go_on_from_where_the_last_one_stopped(make_run, settings, tmp_path):
    run = make_run(epochs=1)
    train_run(run, settings)
    target = tmp_path / "steps" / "key"
    make_steps(run.model_folder, run, target, 1, settings)
    make_steps(run.model_folder, run, target, 2, settings)
    one, two = (read_step(step_path(target, number)) for number in (1, 2))
    assert (one.about["step"], two.about["step"]) == (1, 2) and one.about["dataset"] == run.info().dataset["name"]
    for name in ("down1a", "probability"):
        np.testing.assert_array_equal(one.arrays[f"{name}:after"], two.arrays[f"{name}:before"])
    first = np.moveaxis(load_model(run.model_folder).get_layer("down1a").get_weights()[0][:, :, 0, :8], -1, 0)
    np.testing.assert_array_equal(one.arrays["down1a:before"], first)
    at_once = tmp_path / "steps" / "other"
    make_steps(run.model_folder, run, at_once, 2, settings)
    assert read_step(step_path(at_once, 2)).about["dataset"] == two.about["dataset"]
    make_steps(run.model_folder, run, target, 1, settings)  # made again where it was thrown away
    assert read_step(step_path(target, 1)).about["step"] == 1


def test_a_model_without_a_run_learns_from_synthetic_nuclei(settings, tmp_path):
    model = build_unet(SMALL)
    save_model(tmp_path / "model", model, ModelInfo("small", SMALL, provenance={"training": {"loss": "dice"}}))
    make_steps(tmp_path / "model", None, tmp_path / "key", 1, settings)
    found = read_step(step_path(tmp_path / "key", 1))
    assert found.about["dataset"] and found.arrays["images"].shape == (4, 16, 16, 3)
