import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.preprocess.resize import (
    Range,
    resize_classes,
    resize_image,
    resize_mask,
    resize_probability,
    rows_behind,
    to_channels,
)


def test_8_bits_stay_as_they_are():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert Range.of(image)(image) is image


def test_12_bits_in_a_16_bit_file_fill_the_range():
    image = np.linspace(100, 4000, 10_000).astype(np.uint16).reshape(100, 100)
    stretched = Range.of(image)(image)
    assert (stretched.min(), stretched.max()) == (0, 255)
    assert np.abs(np.diff(stretched.ravel().astype(int))).max() <= 1


def test_a_single_hot_pixel_does_not_darken_the_rest():
    image = np.tile(np.linspace(0, 1000, 100), (100, 1)).astype(np.uint16)
    image[0, 0] = 65535
    assert Range.of(image)(image)[:, -1].min() > 240


@pytest.mark.parametrize("value", [0, 7.5, np.nan, np.inf])
def test_constant_images_are_black(value):
    image = np.full((4, 4), value, np.float32)
    assert not Range.of(image)(image).any()


def test_a_dim_image_is_stretched_for_the_eye_alone():
    dim = np.tile(np.arange(10, 90, dtype=np.uint8), (80, 1))
    seen = Range.to_look_at(dim)(dim)
    assert (seen.min(), seen.max()) == (0, 255)
    assert Range.of(dim) == Range()


@pytest.mark.parametrize("dark", [np.zeros((9, 9), np.uint8), np.tile(np.arange(3, 6, dtype=np.uint8), (9, 3))])
def test_noise_around_black_stays_dark(dark):
    assert Range.to_look_at(dark)(dark).max() < 32


def test_a_bright_image_is_shown_as_it_is():
    image = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert Range.to_look_at(image)(image) is image


@given(arrays(np.float32, (5, 7), elements=st.floats(width=32)))
def test_any_float_image_becomes_8_bits(image):
    with np.errstate(all="ignore"):
        found = Range.of(image)(image)
    assert found.dtype == np.uint8
    assert found.shape == image.shape


@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 1), (4, 5, 2), (4, 5, 3), (4, 5, 7)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_channels_become_the_networks(shape, channels):
    image = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    found = to_channels(image, channels)
    assert found.shape == (4, 5, channels)
    assert found.dtype == np.uint8


def test_grey_is_repeated_and_colour_becomes_luma():
    grey = np.full((2, 2), 77, np.uint8)
    assert (to_channels(grey, 3) == 77).all()
    assert (to_channels(to_channels(grey, 3), 1) == 77).all()
    assert to_channels(np.full((1, 1, 3), (255, 0, 0), np.uint8), 1)[0, 0, 0] == 76


def disc(size, radius):
    rows, columns = np.mgrid[:size, :size] - (size - 1) / 2
    return rows**2 + columns**2 <= radius**2


@pytest.mark.parametrize("size", [(64, 64), (100, 140), (48, 200)])
def test_a_resized_mask_is_not_fattened(size):
    mask = disc(256, 60)
    assert resize_mask(mask, size).mean() == pytest.approx(mask.mean(), rel=0.02)
    speck = np.zeros((256, 256), bool)
    speck[100, 100] = True
    assert not resize_mask(speck, (64, 64)).any()


def test_resizing_keeps_kind_and_range():
    image = np.random.default_rng(0).integers(0, 256, (30, 40, 3), dtype=np.uint8)
    assert resize_image(image, (16, 20)).shape == (16, 20, 3)
    assert resize_image(image[..., :1], (16, 20)).shape == (16, 20, 1)
    np.testing.assert_array_equal(resize_image(image, (30, 40)), image)
    assert set(np.unique(resize_classes(image[..., 0] % 4, (7, 9)))) <= {0, 1, 2, 3}
    probability = resize_probability(np.array([[0, 1], [1, 0]], np.float32), (50, 60))
    assert probability.dtype == np.float32
    assert probability.min() >= 0 and probability.max() <= 1


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 60), st.integers(1, 60), st.integers(1, 20))
def test_resizing_some_rows_at_a_time_gives_the_same(height, width, new_height, new_width, step):
    image = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    map_, size = image[..., 0] / np.float32(255), (new_height, new_width)
    whole, whole_map = resize_image(image, size), resize_probability(map_, size)
    for start in range(0, new_height, step):
        rows = slice(start, min(start + step, new_height))
        seen, box = rows_behind((height, width), size, rows)
        part = (rows.stop - rows.start, new_width)
        assert np.abs(resize_image(image[seen], part, box).astype(int) - whole[rows]).max() <= 1
        np.testing.assert_allclose(resize_probability(map_[seen], part, box), whole_map[rows], atol=1e-5)
