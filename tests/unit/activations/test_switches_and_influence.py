"""What is switched off is off: as in a Keras model that was built so."""

import keras
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.activations.conftest import make_small
from unet.activations.influence import energy_of, influence_of
from unet.activations.switches import FUNCTIONS, Switches, channel_count, switched
from unet.activations.trace import TracedNetwork
from unet.config import NORMALIZATIONS


def built_without(small, name: str, half: int, factor: float = 0.0) -> np.ndarray:
    """The maps of the same Keras model with one half of a concatenation left out."""

    def clone(layer):
        if layer.name != name:
            return layer.__class__.from_config(layer.get_config())

        class Halved(keras.layers.Concatenate):
            def call(self, inputs):
                return super().call([each * (factor if index == half else 1.0) for index, each in enumerate(inputs)])

        return Halved(name=name)

    other = keras.models.clone_model(small.keras, clone_function=clone)
    other.set_weights(small.keras.get_weights())
    return np.moveaxis(np.asarray(other(small.image[None].astype(np.float32)))[0], -1, 0)


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("name", ["skip1", "skip2"])
@pytest.mark.parametrize("half", [0, 1])
def test_a_switched_off_skip_or_level_equals_a_keras_model_built_so(normalization, name, half):
    small = make_small(normalization=normalization)
    switches = Switches(skips=(name,)) if half else Switches(levels=(name,))
    trace = TracedNetwork(switched(small.model, switches), small.traced.layers)(small.image)
    np.testing.assert_allclose(trace.maps, built_without(small, name, half), atol=2e-5)
    assert not np.allclose(trace.maps, small.traced(small.image).maps, atol=1e-3)
    own = len(trace[name]) // 2
    assert not trace[name][own * half : own * (half + 1)].any() and trace[name].any()


@pytest.mark.parametrize("activation", ["elu", "gelu", "silu"])
@pytest.mark.parametrize("function", FUNCTIONS[1:])
def test_another_activation_equals_a_keras_model_built_so(activation, function):
    small = make_small(activation=activation)

    def clone(layer):
        config = layer.get_config()
        if isinstance(layer, keras.layers.Activation):
            config["activation"] = {"none": "linear"}.get(function, function)
        return layer.__class__.from_config(config)

    other = keras.models.clone_model(small.keras, clone_function=clone)
    other.set_weights(small.keras.get_weights())
    expected = np.moveaxis(np.asarray(other(small.image[None].astype(np.float32)))[0], -1, 0)
    found = TracedNetwork(switched(small.model, Switches(function=function)), small.traced.layers)(small.image)
    np.testing.assert_allclose(found.maps, expected, atol=2e-5)


def test_shuffled_weights_are_the_same_numbers_elsewhere(small):
    model = switched(small.model, Switches(scrambled=("bottoma",)))
    before, after = (TracedNetwork(each).layers["bottoma"].values["kernel"] for each in (small.model, model))
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(np.sort(before, axis=None), np.sort(after, axis=None))


@pytest.mark.parametrize("name", ["scale", "down1a", "down2b_elu", "rise2", "skip1", "up1b_elu"])
def test_a_channel_that_is_off_is_0_and_the_others_are_as_they_were(small, name):
    count = small.traced(small.image).shape(name)[0]
    assert channel_count(small.model, name) == count
    model = switched(small.model, Switches(channels=((name, 0), (name, count - 1))))
    before, after = small.traced(small.image)[name], TracedNetwork(model, small.traced.layers)(small.image)[name]
    assert not after[[0, count - 1]].any()
    np.testing.assert_array_equal(after[1 : count - 1], before[1 : count - 1])


@pytest.mark.parametrize("normalization", NORMALIZATIONS)
@pytest.mark.parametrize("activation", ["elu", "gelu"])
@pytest.mark.parametrize("name", ["scale", "down1a", "down2b_{}", "pool1", "rise1", "skip1", "up1b_{}", "probability"])
def test_influence_is_what_switching_off_changes(name, normalization, activation):
    small, name = make_small(normalization=normalization, activation=activation), name.format(activation)
    trace = small.traced(small.image)
    before, count = trace.maps[0], trace.shape(name)[0]
    found = influence_of(small.model, trace, name, list(range(count)))
    expected = [
        np.abs(TracedNetwork(switched(small.model, Switches(channels=((name, each),))))(small.image).maps[0] - before)
        for each in range(count)
    ]
    expected = [each.mean() for each in expected]
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert np.argsort(-found).tolist() == np.argsort(-np.array(expected)).tolist()


def test_energy_is_what_varies():
    values = np.stack([np.full((4, 4), 7.0), np.arange(16.0).reshape(4, 4)])
    assert energy_of(values)[0] == 0 < energy_of(values)[1]


@pytest.mark.parametrize(
    "switches",
    [
        Switches(skips=("nowhere",)),
        Switches(levels=("down1a",)),
        Switches(scrambled=("skip1",)),
        Switches(channels=(("down1a", 3),)),
    ],
)
def test_what_is_not_there_cannot_be_switched(small, switches):
    with pytest.raises(ValueError, match="there is no"):
        switched(small.model, switches)


anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5) | st.floats(),
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(max_size=5), part, max_size=3),
)


@given(st.dictionaries(st.sampled_from([*Switches.__dataclass_fields__, "other"]), anything))
def test_what_a_browser_sends_is_switches_or_refused(data):
    try:
        found = Switches.from_dict(data)
    except ValueError:
        return
    assert all(isinstance(each, str) for each in (*found.skips, *found.levels, *found.scrambled))
    assert found.function in FUNCTIONS
