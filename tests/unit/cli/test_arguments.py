import argparse

import pytest

from unet.cli.arguments import add_config_flags, add_preparation_flags, config_from_flags, preparation_from_flags
from unet.config import preset
from unet.errors import ConfigError
from unet.flags import config_flags


def parse(*flags):
    parser = argparse.ArgumentParser()
    add_config_flags(parser)
    return config_from_flags(parser.parse_args(flags))


def test_no_flags_give_the_preset():
    assert parse() == preset("tutorial")


def test_every_kind_of_flag_goes_there_and_back():
    config = preset("tutorial").replace(
        epochs=3, learning_rate=0.01, loss="dice", flips=True, filters=(8, 16), dropout=(0.0, 0.1, 0.2), channels=1
    )
    assert parse(*config_flags(config)) == config


def test_a_switch_can_be_switched_off():
    assert parse("--flips", "--no-flips").training.flips is False


def test_a_bad_value_is_named():
    with pytest.raises(ConfigError, match="epochs"):
        parse("--epochs", "0")


@pytest.mark.parametrize(
    ("flags", "scale", "fit"),
    [
        ((), 1, True),
        (("--scale", "1"), 1, False),
        (("--scale", "0.5"), 0.5, True),
        (("--scale", "1", "--fit"), 1, True),
    ],
)
def test_a_scale_that_is_asked_for_is_meant(flags, scale, fit):
    parser = argparse.ArgumentParser()
    add_preparation_flags(parser)
    made = preparation_from_flags(parser.parse_args(flags))
    assert (made.scale, made.fit) == (scale, fit)
