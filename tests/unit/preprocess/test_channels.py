import colorsys
import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from unet.config import NUCLEI, ModelConfig
from unet.datasets.synthetic.nuclei import generate_nuclei
from unet.errors import ImageError
from unet.io.images import read_image
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.channels import channels_seen
from unet.preprocess.normalize import normalize
from unet.settings import DEFAULT_MODEL

GREYS = [generate_nuclei(seed, (192, 224))[0] for seed in (8, 41)]
MODEL = NUCLEI.model
hues = st.tuples(st.floats(0, 1), st.floats(0.3, 1)).map(lambda hue: np.array(colorsys.hsv_to_rgb(*hue, 1.0)))


def tinted(grey: np.ndarray, hue: np.ndarray) -> np.ndarray:
    return grey[..., None] * hue


@pytest.fixture(scope="module")
def predictor():
    return Predictor.open(DEFAULT_MODEL)


def found_in(predictor: Predictor, image: np.ndarray) -> int:
    info = predictor.info
    return int(find_objects(predictor.predict(image), info.threshold, info.separation).max())


@given(
    st.sampled_from(GREYS),
    hues,
    st.sampled_from([(np.uint8, 0.5), (np.uint8, 1.0), (np.uint16, 16), (np.float32, 1e-3)]),
)
def test_the_network_sees_any_hue_as_grey(grey, hue, depth):
    dtype, factor = depth
    image = (tinted(grey, hue) * factor).astype(dtype)
    twin = normalize(grey, MODEL)
    assert np.abs(normalize(image, MODEL).astype(int) - twin).max() <= (12 if dtype == np.uint8 else 2)
    assert channels_seen(image, MODEL).automatic


def stored(image: np.ndarray, kind: str) -> np.ndarray:
    """Write 8-bit colour as a file of some kind and read it."""
    stream, picture = io.BytesIO(), Image.fromarray(image)
    if kind == "alpha":
        picture.putalpha(255)
    elif kind == "palette":
        picture = picture.quantize(256)
    picture.save(
        stream, "JPEG" if kind == "jpeg" else "PNG", **({"quality": 98, "subsampling": 0} if kind == "jpeg" else {})
    )
    return read_image(stream.getvalue())


@settings(max_examples=10, deadline=None)
@given(st.sampled_from(GREYS), hues, st.sampled_from(["alpha", "palette", "jpeg", "16 bit", "two channels", "dim"]))
def test_as_many_nuclei_are_found_in_any_hue_as_in_grey(predictor, grey, hue, kind):
    if kind == "two channels":
        image = np.stack([grey, np.full_like(grey, 9)], axis=-1)
    elif kind in ("16 bit", "dim"):
        image = (tinted(grey, hue) * (16 if kind == "16 bit" else 0.6)).astype(
            np.uint16 if kind == "16 bit" else np.uint8
        )
    else:
        image = stored(tinted(grey, hue).astype(np.uint8), kind)
    usual = found_in(predictor, grey)
    assert usual > 5
    assert abs(found_in(predictor, image) - usual) <= max(1, 0.02 * usual)


@pytest.mark.parametrize("other", ["cytoplasm", "fibres", "noise", "spots"])
@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("seed", [3, 8, 41, 46])
def test_of_several_stains_the_nuclei_are_taken(other, place, seed):
    random = np.random.default_rng(seed)
    grey, labels = generate_nuclei(seed, (256, 256))
    if other == "cytoplasm":
        around = ndimage.gaussian_filter((ndimage.binary_dilation(labels > 0, iterations=14) & (labels == 0)) * 1.0, 3)
        second = around * (0.7 + 0.3 * ndimage.gaussian_filter(random.random(grey.shape), 2))
    elif other == "fibres":
        second = ndimage.gaussian_filter(
            (np.abs(ndimage.gaussian_filter(random.normal(size=grey.shape), 8)) < 0.003) * 1.0, 1
        )
    elif other == "spots":
        second = ndimage.gaussian_filter((random.random(grey.shape) > 0.996) * 1.0, 1.2)
    else:
        second = random.random(grey.shape)
    second = second / second.max() * 230 + random.normal(0, 4, grey.shape) + 10
    image = np.zeros((256, 256, 3), np.uint8)
    image[..., place] = grey
    image[..., (place + 1) % 3] = np.clip(second, 0, 255)
    choice = channels_seen(image, MODEL)
    assert choice.channels == (place,)
    assert choice.text == ("red", "green", "blue")[place]
    np.testing.assert_array_equal(normalize(image, MODEL), normalize(grey, MODEL))


def test_stained_sections_stay_in_colour():
    random = np.random.default_rng(1)
    tissue = np.array([230, 190, 215]) + random.normal(0, 12, (96, 96, 1))
    tissue[20:40, 20:40] = (90, 60, 140)
    choice = channels_seen(np.clip(tissue, 0, 255).astype(np.uint8), MODEL)
    assert choice.channels == (0, 1, 2)
    assert not choice.blend
    assert "stained section" in choice.reason


def test_who_chooses_is_obeyed():
    image = np.dstack([GREYS[0], GREYS[1], GREYS[0]])
    choice = channels_seen(image, MODEL, (1,))
    assert (choice.channels, choice.automatic) == ((1,), False)
    np.testing.assert_array_equal(choice.take(image), GREYS[1])
    with pytest.raises(ImageError, match="3 channels"):
        channels_seen(image, MODEL, (7,)).take(image)


def test_models_of_stored_values_get_the_first_three():
    image = np.dstack([GREYS[0] * 0, GREYS[0], GREYS[1], GREYS[1]])
    assert channels_seen(image, ModelConfig()).channels == (0, 1, 2)
    assert channels_seen(GREYS[0], MODEL).channels == (0,)
