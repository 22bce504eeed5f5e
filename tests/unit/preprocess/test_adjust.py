"""Channels, contrast and scale of an image on its way to a model."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some

from unet.errors import ConfigError, ImageError
from unet.preprocess.adjust import MAX_PIXELS, ImageAdjustments, choose_channels, scaled_size


def test_grey_images_have_no_choice():
    image = np.zeros((4, 5), np.uint16)
    assert choose_channels(image, (3,)) is image


def test_the_first_three_are_taken_by_themselves():
    image = np.arange(4 * 5 * 6).reshape(4, 5, 6)
    np.testing.assert_array_equal(choose_channels(image, ImageAdjustments().channels), image[..., :3])
    np.testing.assert_array_equal(choose_channels(image[..., :2], ImageAdjustments().channels), image[..., :2])


@given(some.lists(some.integers(0, 9), max_size=6), some.integers(1, 6))
def test_any_channels_of_any_image(channels, count):
    image = np.arange(2 * 3 * count).reshape(2, 3, count)
    there = [channel for channel in channels or (0, 1, 2) if channel < count][:3]
    if not there:
        with pytest.raises(ImageError, match=rf"stack\.tif has {count} channels"):
            choose_channels(image, tuple(channels), name="stack.tif")
        return
    chosen = choose_channels(image, tuple(channels))
    assert chosen.shape == ((2, 3) if len(there) == 1 else (2, 3, len(there)))
    np.testing.assert_array_equal(chosen.reshape(2, 3, -1), np.stack([image[..., c] for c in there], axis=2))


def test_a_scaled_size_is_bounded():
    assert scaled_size(100, 31, 0.5) == (50, 16)
    assert scaled_size(1, 1, 0.1) == (1, 1)
    side = int(MAX_PIXELS**0.5)
    assert scaled_size(side, side, 1.0) == (side, side)
    with pytest.raises(ImageError, match=r"cells\.png would have"):
        scaled_size(side, side, 1.5, name="cells.png")


@pytest.mark.parametrize("wrong", [{"scale": 0.0}, {"scale": float("nan")}, {"channels": (-1,)}, {"invert": 1}])
def test_nonsense_is_refused(wrong):
    with pytest.raises(ConfigError, match=next(iter(wrong))):
        ImageAdjustments(**wrong)
