"""A contracting path that has learned from ImageNet: strides, filters of single channels, sums and bounds."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from studio.inside.subject import TRACE_BYTES, seen_side
from tests.unit.activations.conftest import Small, make_small
from tests.unit.activations.test_reach import found_by_perturbing
from tests.unit.activations.test_switches_and_influence import built_without
from tests.unit.activations.test_window import check
from unet.activations.drawing import stacks_of
from unet.activations.influence import influence_of
from unet.activations.reach import Gradient, field_of
from unet.activations.switches import Switches, switched
from unet.activations.trace import TracedNetwork
from unet.config import ModelConfig
from unet.models.efficientnet import BLOCKS, NAME, encoder_values
from unet.models.network import count_parameters

FILTERED = [f"{block.name}_filter" for block in BLOCKS]
SUMS = [block.name for block in BLOCKS if block.is_residual]


@pytest.fixture(scope="module")
def encoder() -> Small:
    return make_small(
        seed=1, side=32, encoder=NAME, filters=(3, 4, 5, 6, 7), normalization="batch", activation="relu",
        decoder_convolutions=1, outputs="mask+border+distance", resolution="native",
    )  # fmt: skip


def test_each_layer_gives_what_it_gives_in_keras(encoder):
    trace = encoder.traced(encoder.image)
    there = {layer.name for layer in encoder.keras.layers}
    known = [name for name in trace.layers if name in there]
    assert {*FILTERED, *SUMS, "scale", "down2_stem_relu6", "skip4", "probability"} <= set(known)
    for name in known:
        np.testing.assert_allclose(trace[name], encoder.values_of(name), rtol=1e-3, atol=1e-3, err_msg=name)
    assert sum(layer.parameters for layer in trace.layers.values()) == count_parameters(encoder.config)
    assert {trace.layers[name].kind for name in FILTERED} == {"depthwise convolution"}
    assert {trace.layers[name].kind for name in SUMS} == {"sum"}
    bounded = trace["down2_stem_relu6"]
    assert trace.layers["down2_stem_relu6"].function == "relu6" and (bounded == 0).any() and bounded.max() <= 6


def test_the_numbers_of_every_layer_add_up(encoder):
    trace = encoder.traced(encoder.image)
    for name in trace.layers:
        check(trace, name, np.random.default_rng(1))


def test_each_weight_is_drawn_once_and_a_skip_connection_begins_where_it_is_taken(encoder):
    trace = encoder.traced(encoder.image)
    stacks = {stack.layer: stack for stack in stacks_of(trace)}
    shown = [step for stack in stacks.values() for step in stack.steps]
    assert sorted(shown) == sorted(set(trace.layers) - {"image"}) and len(shown) == len(set(shown))
    for name, stack in stacks.items():
        if trace.layers[name].kind == "concatenation":
            assert set(stack.inputs) == set(trace.layers[name].inputs)
    for level in range(5):
        sides = [stack.side for stack in stacks.values() if stack.level == level]
        assert max(map(sides.count, sides)) <= len(BLOCKS) // 2 + 2


@pytest.mark.parametrize("name", ["down2_stem", "down3_3_filter", "down3_3", "down4_5", "skip2"])
def test_the_field_is_what_perturbing_each_pixel_finds(encoder, name):
    trace = encoder.traced(encoder.image)
    _, height, width = trace.shape(name)
    for row, column in ((height // 2, width // 2 - 1), (0, width - 1)):
        found, field = found_by_perturbing(encoder, name, row, column), field_of(trace, name, row, column)
        if name == "skip2":  # relu6 is flat above 6: what it hides lies within the field all the same
            assert field[0] <= found[0] and field[1] <= found[1] and field[2] >= found[2] and field[3] >= found[3]
        else:
            assert field == found


@pytest.mark.parametrize("name", ["down2_1_filter", "down3_3", "down5_11", "bottoma_relu", "skip1", "probability"])
def test_the_gradient_is_keras(encoder, name):
    part = keras.Model(encoder.keras.get_layer("scale").output, encoder.keras.get_layer(name).output)
    trace = encoder.traced(encoder.image)
    seed = np.random.default_rng(0).normal(size=trace.shape(name)).astype(np.float32)
    scaled = tf.constant(np.moveaxis(trace["scale"], 0, -1)[None])
    with tf.GradientTape() as tape:
        tape.watch(scaled)
        total = tf.reduce_sum(part(scaled) * np.moveaxis(seed, 0, -1)[None])
    expected = np.moveaxis(tape.gradient(total, scaled).numpy()[0], -1, 0)
    found = Gradient(encoder.model, name)(encoder.image, seed)
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("half", [0, 1])
def test_a_switched_off_skip_or_level_equals_a_keras_model_built_so(encoder, half):
    switches = Switches(skips=("skip3",)) if half else Switches(levels=("skip3",))
    trace = TracedNetwork(switched(encoder.model, switches), encoder.traced.layers)(encoder.image)
    np.testing.assert_allclose(trace.maps, built_without(encoder, "skip3", half), atol=1e-4)


def test_another_activation_equals_a_keras_model_built_so(encoder):
    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Activation):
            config["activation"] = "tanh"
        return layer.__class__.from_config(config)

    other = keras.models.clone_model(encoder.keras, clone_function=clone)
    other.set_weights(encoder.keras.get_weights())
    expected = np.moveaxis(np.asarray(other(encoder.image[None].astype(np.float32)))[0], -1, 0)
    found = TracedNetwork(switched(encoder.model, Switches(function="tanh")), encoder.traced.layers)(encoder.image)
    np.testing.assert_allclose(found.maps, expected, atol=1e-4)


@pytest.mark.parametrize("name", ["down3_3_filter", "down3_3", "down2_1_gather_norm", "down1a_relu", "skip2"])
def test_a_channel_is_switched_off_and_its_influence_is_what_that_changes(encoder, name):
    trace = encoder.traced(encoder.image)
    count = trace.shape(name)[0]
    found = influence_of(encoder.model, trace, name, [0, count - 1])
    for channel, influence in zip([0, count - 1], found, strict=True):
        model = switched(encoder.model, Switches(channels=((name, channel),)))
        after = TracedNetwork(model, encoder.traced.layers)(encoder.image)
        assert not after[name][channel].any()
        np.testing.assert_allclose(np.abs(after.maps[0] - trace.maps[0]).mean(), influence, rtol=1e-3, atol=1e-6)


def test_weights_of_single_filters_can_be_shuffled(encoder):
    model = switched(encoder.model, Switches(scrambled=("down3_3_filter",)))
    before, after = (TracedNetwork(each).layers["down3_3_filter"].values["kernel"] for each in (encoder.model, model))
    np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))
    assert not np.array_equal(before, after)


def test_its_values_are_counted_before_they_fill_the_memory(encoder):
    trace = encoder.traced(encoder.image)
    own = [name for name in trace.layers if name.startswith("down") and not name.startswith("down1")]
    assert encoder_values(32, 32) == sum(trace[name].size for name in own)
    usual = ModelConfig(
        **{**encoder.config.to_dict(), "filters": (16, 32, 64, 96, 128), "input_size": (192, 192)}
    )  # fmt: skip
    assert seen_side(usual, 256) == 256
    wide = ModelConfig(**{**usual.to_dict(), "filters": (128, 128, 256, 256, 256)})
    assert 4 * encoder_values(seen_side(wide, 256), seen_side(wide, 256)) < TRACE_BYTES and seen_side(wide, 256) < 256
