import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unet.config import Config, ModelConfig, TrainingConfig, preset
from unet.errors import ConfigError


def test_tutorial_preset_is_the_original():
    config = preset("tutorial")
    assert config.model.input_size == (128, 128)
    assert config.model.filters == (16, 32, 64, 128, 256)
    assert config.model.dropout == (0.1, 0.1, 0.2, 0.2, 0.3, 0.2, 0.2, 0.1, 0.1)
    assert config.model.activation == "elu"
    assert (config.training.batch_size, config.training.validation_fraction) == (16, 0.1)


def test_json_round_trip():
    config = preset("tutorial").replace(epochs=3, filters=(8, 16), dropout=0.2, input_size=(64, 32))
    assert Config.from_dict(json.loads(json.dumps(config.to_dict()))) == config


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"epochs": 0}, "epochs"),
        ({"epochs": 2.5}, "epochs"),
        ({"epochs": True}, "epochs"),
        ({"learning_rate": float("nan")}, "learning_rate"),
        ({"loss": "hinge"}, "crossentropy"),
        ({"filters": (16,)}, "filters"),
        ({"filters": (16, 0, 4)}, "filters"),
        ({"dropout": (0.1, 0.2)}, "9, or 1"),
        ({"activation": "magic"}, "activation"),
        ({"normalization": None}, "normalization"),
        ({"input_size": (130, 128)}, "128 x 144"),
        ({"input_size": (128,)}, "input_size"),
        ({"channels": 2}, "channels"),
        ({"encoder": "resnet"}, "efficientnet-lite0"),
        ({"encoder": "efficientnet-lite0"}, "normalization"),
        ({"encoder": "efficientnet-lite0", "normalization": "batch", "channels": 1}, "channels"),
        ({"encoder": "efficientnet-lite0", "normalization": "batch", "filters": (8, 16), "dropout": 0}, "5 `filters`"),
        ({"classes": 0}, "classes"),
        ({"flips": 1}, "flips"),
        ({"no_such_thing": 1}, "no_such_thing"),
    ],
)
def test_bad_values_are_refused_by_name(changes, names):
    with pytest.raises(ConfigError, match=names):
        preset("tutorial").replace(**changes)


def test_quarter_turns_need_square_images():
    with pytest.raises(ConfigError, match="quarter_turns"):
        preset("tutorial").replace(input_size=(64, 128), quarter_turns=True)


def test_one_dropout_serves_all_blocks():
    assert ModelConfig(filters=(4, 8, 16), dropout=0.5).dropout == (0.5,) * 5


def test_unknown_preset_lists_the_known():
    with pytest.raises(ConfigError, match="tutorial"):
        preset("turorial")


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from([*ModelConfig.__dataclass_fields__, *TrainingConfig.__dataclass_fields__])


@given(st.dictionaries(st.sampled_from(["preset", "model", "training", "x"]), st.dictionaries(names, json_values)))
def test_hostile_json_gives_a_config_or_a_config_error(data):
    try:
        config = Config.from_dict(data)
    except ConfigError:
        return
    assert Config.from_dict(config.to_dict()) == config
