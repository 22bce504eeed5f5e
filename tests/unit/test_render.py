import base64
import io

import numpy as np
import pytest
from PIL import Image

from unet import render
from unet.preprocess.resize import Range

random = np.random.default_rng(0)
IMAGE = random.integers(0, 200, (24, 30), np.uint8)
LABELS = np.zeros((24, 30), np.uint16)
LABELS[4:12, 4:12], LABELS[4:12, 12:20] = 1, 2


def test_an_outline_lies_inside_and_parts_what_touches():
    rim = render.outline(LABELS)
    assert not rim[LABELS == 0].any()
    assert rim[4:12, 11].all()
    assert rim[4:12, 12].all()
    assert not rim[6:10, 6:10].any()
    assert not render.outline(LABELS > 0)[6:10, 11:13].any()
    assert render.outline(LABELS, width=2).sum() > rim.sum()


@pytest.mark.parametrize("image", [IMAGE, np.repeat(IMAGE[..., None], 3, axis=2), IMAGE.astype(np.uint16) * 17])
def test_an_overlay_changes_only_the_mask(image):
    picture = render.overlay(image, LABELS, opacity=0.5)
    assert picture.dtype == np.uint8
    assert picture.shape == (24, 30, 3)
    plain = render.rgb(image)
    np.testing.assert_array_equal(picture[LABELS == 0], plain[LABELS == 0])
    assert (picture[4, 4] == render.PREDICTED).all()
    expected = (plain[8, 8].astype(float) + render.PREDICTED) / 2
    np.testing.assert_allclose(picture[8, 8], expected, atol=1)


def test_opacity_has_two_ends():
    np.testing.assert_array_equal(render.overlay(IMAGE, LABELS, opacity=0, rim=False), render.rgb(IMAGE))
    full = render.overlay(IMAGE, LABELS, opacity=1, color=render.TRUTH)
    assert (full[LABELS > 0] == render.TRUTH).all()


def test_a_heat_map_grows_brighter_all_the_way():
    picture = render.heatmap(np.linspace(0, 1, 256, dtype=np.float32)[None])
    assert picture.shape == (1, 256, 3)
    assert picture[0, 0].tolist() == [68, 1, 84]
    assert picture[0, -1].tolist() == [253, 231, 37]
    luma = picture[0].astype(float) @ [0.2126, 0.7152, 0.0722]
    assert (np.diff(luma) > -0.5).all()
    assert luma[-1] - luma[0] > 150


def test_neighbouring_numbers_differ_in_colour():
    colors = render.LABEL_COLORS
    assert colors.dtype == np.uint8
    assert (colors.sum(axis=1) > 0).all()
    assert len({tuple(color) for color in colors.tolist()}) == len(colors) == 21


@pytest.mark.parametrize("kind", ["png", "jpeg"])
def test_pictures_as_addresses(kind):
    picture = render.overlay(IMAGE, LABELS)
    head, _, content = render.data_uri(picture, kind).partition(",")
    assert head == f"data:image/{kind};base64"
    found = np.array(Image.open(io.BytesIO(base64.b64decode(content))))
    assert found.shape == picture.shape
    if kind == "png":
        np.testing.assert_array_equal(found, picture)


def test_a_mask_as_picture():
    assert np.unique(render.mask_picture(LABELS > 0)).tolist() == [0, 255]


def test_each_object_has_its_colour():
    labels = np.zeros((20, 30), np.int32)
    labels[2:10, 2:10], labels[2:10, 10:18] = 1, 2
    picture = render.label_overlay(np.full((20, 30), 100, np.uint8), labels, opacity=0.5)
    assert picture[2, 2].tolist() == render.LABEL_COLORS[0].tolist()
    assert picture[2, 17].tolist() == render.LABEL_COLORS[1].tolist()
    assert picture[5, 5].tolist() != picture[5, 14].tolist()
    assert picture[15, 20].tolist() == [100, 100, 100]


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_a_part_is_as_bright_as_in_its_image(dtype):
    image = np.random.default_rng(1).integers(5, 100, (40, 40)).astype(dtype)
    image[30:] //= 4
    shown = Range.to_look_at(image)
    assert (render.rgb(image[30:], shown) == render.rgb(image)[30:]).all()
