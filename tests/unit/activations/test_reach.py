"""The receptive field is what perturbing each pixel finds, and the gradient is that of Keras."""

import numpy as np
import pytest
import tensorflow as tf

from tests.unit.activations.conftest import make_small
from unet.activations.layers import layers_of
from unet.activations.reach import Gradient, field_of
from unet.activations.trace import TracedNetwork, open_unfolded, with_outputs
from unet.config import ACTIVATIONS, NORMALIZATIONS
from unet.models.runtime import Network
from unet.settings import SHIPPED_MODELS


def found_by_perturbing(small, name: str, row: int, column: int) -> tuple[int, int, int, int]:
    """Change each pixel by itself, and return the box of those that change any channel at the place."""
    height, width = small.image.shape[:2]
    network = Network(with_outputs(small.model, [name]).SerializeToString(), [name])
    before = network.all(small.image[None])[0][0, :, row, column]
    images = np.repeat(small.image[None], height * width, axis=0).reshape(height, width, height, width, -1)
    rows, columns = np.indices((height, width))
    images[rows, columns, rows, columns] = 255 - images[rows, columns, rows, columns]
    after = network.all(images.reshape(-1, *small.image.shape))[0][:, :, row, column]
    hit = np.argwhere((after != before).any(axis=1).reshape(height, width))
    return (*hit.min(axis=0), *(hit.max(axis=0) + 1))


@pytest.mark.parametrize(
    "name", ["down1a", "down1b_elu", "pool1", "bottoma", "bottomb_elu", "rise1", "skip1", "probability"]
)
def test_the_field_is_what_perturbing_each_pixel_finds(name):
    small = make_small(seed=5, side=32, filters=(3, 4), activation="elu")
    trace = small.traced(small.image)
    _, height, width = trace.shape(name)
    for row, column in ((height // 2, width // 2 - 1), (0, width - 1)):
        assert field_of(trace, name, row, column) == found_by_perturbing(small, name, row, column)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_the_gradient_is_keras(normalization, activation):
    small = make_small(seed=2, normalization=normalization, activation=activation)
    trace = small.traced(small.image)
    for name in ("down1a", f"bottomb_{activation}", "rise1", "skip1", "probability"):
        import keras

        part = keras.Model(small.keras.get_layer("scale").output, small.keras.get_layer(name).output)
        seed = np.random.default_rng(0).normal(size=trace.shape(name)).astype(np.float32)
        scaled = tf.constant(small.image[None] / np.float32(255))
        with tf.GradientTape() as tape:
            tape.watch(scaled)
            total = tf.reduce_sum(part(scaled) * np.moveaxis(seed, 0, -1)[None])
        expected = np.moveaxis(tape.gradient(total, scaled).numpy()[0], -1, 0)
        found = Gradient(small.model, name)(small.image, seed)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=2e-4 * np.abs(expected).max(), err_msg=name)


@pytest.mark.parametrize("folder", sorted(SHIPPED_MODELS.glob("[!.]*")), ids=lambda folder: folder.name)
def test_the_gradient_of_a_shipped_model_ends_where_its_field_does(folder):
    config, model = open_unfolded(folder)
    side = 64 if config.is_native else config.input_size[0]
    image = np.random.default_rng(3).integers(0, 256, (side, side, config.channels), np.uint8)
    trace = TracedNetwork(model)(image)
    name = next(each for each, layer in layers_of(model).items() if trace.shape(each)[1] < side)
    _, height, width = trace.shape(name)
    seed = np.zeros(trace.shape(name), np.float32)
    seed[:, height // 2, width // 2] = 1
    changed = np.abs(Gradient(model, name)(image, seed)).sum(axis=0) > 0
    top, left, bottom, right = field_of(trace, name, height // 2, width // 2)
    assert changed[top:bottom, left:right].any()
    changed[top:bottom, left:right] = False
    assert not changed.any()
