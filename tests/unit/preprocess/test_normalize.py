import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.preprocess.normalize import kind_of, normalize, normalize_percentiles

DARK = draw_discs(8, (64, 64), seed=0)[0]


def test_dim_and_deep_images_fill_the_range():
    for image in (DARK // 8, DARK[..., 0].astype(np.uint16) * 16 + 900, DARK.astype(np.float32) / 1e4):
        found = normalize_percentiles(image)
        assert found.shape == (64, 64, 3)
        assert found.dtype == np.uint8
        assert (found.min(), found.max()) == (0, 255)


def test_a_bright_background_is_inverted():
    inverted = normalize_percentiles(255 - DARK).astype(int)
    assert np.median(inverted) < 60
    assert np.corrcoef(inverted.ravel(), DARK.ravel())[0, 1] > 0.95


def test_colours_keep_their_order():
    tissue = np.full((64, 64, 3), (240, 225, 235), np.uint8)
    tissue[20:30, 20:30] = (90, 60, 140)
    found = normalize_percentiles(tissue)
    assert (found[25, 25] > found[5, 5]).all()
    assert found[25, 25, 2] < found[25, 25, 0] < found[25, 25, 1]


def test_kinds():
    assert kind_of(DARK) == kind_of(DARK[..., 0]) == "dark"
    assert kind_of(255 - DARK) == "bright"
    assert kind_of(np.stack([255 - DARK[..., 0]] * 2 + [DARK[..., 0] * 0 + 200], axis=-1)) == "bright-coloured"
    assert kind_of(np.zeros((4, 4))) == "dark"


@given(
    st.sampled_from([np.uint8, np.uint16, np.float32]).flatmap(
        lambda dtype: arrays(dtype, array_shapes(min_dims=2, max_dims=3, min_side=1, max_side=9))
    )
)
def test_any_image_is_stretched(image):
    found = normalize_percentiles(image)
    assert found.shape == (*image.shape[:2], 3)
    assert found.dtype == np.uint8
    kind_of(image)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("scale", [1e-40, 1e-37, 1e37, 6e38])
def test_ranges_at_the_ends_of_float32_are_filled_like_any_other(scale):
    ramp = np.linspace(-0.5, 0.5, 256)
    wide = (ramp * scale).astype(np.float32).reshape(16, 16)
    assert abs(normalize_percentiles(wide).astype(int) - normalize_percentiles(ramp.reshape(16, 16))).max() <= 1


@pytest.mark.parametrize("intensity", ["stored", "percentiles"])
@pytest.mark.parametrize("channels", [1, 3])
def test_the_network_gets_its_channels(intensity, channels):
    config = ModelConfig(channels=channels, intensity=intensity)
    assert normalize(DARK, config).shape == (64, 64, channels)
    assert normalize(DARK[..., 0], config).shape == (64, 64, channels)
