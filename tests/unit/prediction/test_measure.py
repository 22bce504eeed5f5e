"""Measurements of objects, beside scikit-image's and beside what can be worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from hypothesis.extra import numpy as arrays
from scipy.spatial import ConvexHull
from skimage.measure import regionprops

from tests.factories import draw_discs
from unet.io.pixel_size import PixelSize
from unet.prediction import measure as module
from unet.prediction.measure import COLUMNS, measure

MAPS = arrays.arrays(np.uint16, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=some.integers(0, 3))


def by_number(frame, number: int = 1):
    return frame.set_index("label").loc[number]


def hull_area(pixels) -> float:
    """Return the area of the convex hull of pixels' squares, by Qhull."""
    return ConvexHull(np.concatenate([pixels + corner for corner in ((0, 0), (0, 1), (1, 0), (1, 1))])).volume


def test_a_rectangle_by_hand():
    labels = np.zeros((10, 12), np.uint8)
    labels[2:6, 3:11] = 1  # 4 high, 8 wide
    image = np.arange(120, dtype=np.uint16).reshape(10, 12)
    row = by_number(measure(labels, image, np.full((10, 12), 0.75, np.float32)))
    assert row["area"] == 32
    assert row["equivalent_diameter"] == pytest.approx((4 * 32 / np.pi) ** 0.5)
    assert row["perimeter"] == 2 * (3 + 7)  # from pixel to pixel
    assert row["circularity"] == pytest.approx(4 * np.pi * 32 / 400, abs=1e-9) or row["circularity"] == 1
    assert row["solidity"] == pytest.approx(1)
    assert row["eccentricity"] == pytest.approx((1 - (4 / 8) ** 2) ** 0.5)
    assert row["orientation"] == pytest.approx(0)
    assert (row["centroid_x"], row["centroid_y"]) == (6.5, 3.5)
    assert row["mean_probability"] == pytest.approx(0.75)
    assert (row["intensity_min"], row["intensity_max"]) == (image[2, 3], image[5, 10])
    assert row["intensity_mean"] == pytest.approx(image[2:6, 3:11].mean())


def test_a_rising_line_points_upwards():
    labels = np.fliplr(np.eye(9, dtype=np.uint8))
    row = by_number(measure(labels, labels, labels.astype(np.float32)))
    assert row["orientation"] == pytest.approx(45)
    assert row["eccentricity"] > 0.98


@settings(deadline=None, max_examples=150)
@given(MAPS)
def test_any_label_map_as_scikit_image_measures_it(labels):
    image = np.arange(labels.size, dtype=np.uint16).reshape(labels.shape)
    frame = measure(labels, image, np.zeros(labels.shape, np.float32))
    regions = regionprops(labels, image)
    assert frame["label"].tolist() == [region.label for region in regions]
    for region, row in zip(regions, frame.itertuples(), strict=True):
        assert row.area == region.area
        assert row.perimeter == pytest.approx(region.perimeter)
        assert (row.centroid_y, row.centroid_x) == pytest.approx(region.centroid)
        assert row.intensity_mean == pytest.approx(region.intensity_mean)
        assert (row.intensity_min, row.intensity_max) == (region.intensity_min, region.intensity_max)
        assert 0 <= row.eccentricity <= 1
        assert row.solidity == pytest.approx(region.area / hull_area(region.coords))
        assert 0 < row.circularity <= 1
        assert -90 <= row.orientation <= 90


def test_discs_as_scikit_image_measures_them():
    image, labels = draw_discs(6, (160, 200), 3)
    frame = measure(labels, image, np.zeros(labels.shape, np.float32))
    for region, row in zip(regionprops(labels), frame.itertuples(), strict=True):
        assert row.solidity == pytest.approx(region.area / hull_area(region.coords))
        assert row.eccentricity == pytest.approx(region.eccentricity, abs=0.02)
        assert row.solidity == pytest.approx(region.solidity, abs=0.04)
        angle = np.degrees(region.orientation)
        expected = angle + 90 if angle <= 0 else angle - 90
        assert (row.orientation - expected + 90) % 180 == pytest.approx(90, abs=0.5)


def test_a_few_rows_at_a_time_give_the_same(monkeypatch):
    image, labels = draw_discs(6, (160, 200), 3)
    probability = np.random.default_rng(0).random(labels.shape, np.float32)
    whole = measure(labels, image, probability)
    monkeypatch.setattr(module, "row_blocks", lambda shape: [slice(row, min(row + 7, 160)) for row in range(0, 160, 7)])
    assert np.allclose(whole, measure(labels, image, probability))


def test_channels_and_levels():
    labels = np.zeros((8, 8), np.uint32)
    labels[1:4, 1:4], labels[5:7, 5:7] = 70_000, 2
    image = np.zeros((8, 8, 2), np.float32)
    image[..., 1] = 2.5
    frame = measure(labels, image, np.full((8, 8), 65535, np.uint16))
    assert frame["label"].tolist() == [2, 70_000]
    assert frame["intensity_mean_1"].tolist() == [0, 0]
    assert frame["intensity_max_2"].tolist() == [2.5, 2.5]
    assert frame["mean_probability"].tolist() == [1, 1]


def test_micrometres():
    labels = np.ones((4, 10), np.uint8)
    row = by_number(measure(labels, labels, labels.astype(np.float32), PixelSize(0.5, 2.0)))
    assert row["area_um2"] == pytest.approx(40 * 0.5 * 2)
    assert row["equivalent_diameter_um"] == pytest.approx((4 * 40 / np.pi) ** 0.5)
    assert row["perimeter_um"] == pytest.approx(row["perimeter"])


@pytest.mark.parametrize("size", [None, PixelSize(0.3, 0.3)])
def test_nothing_found_has_the_same_columns(size):
    empty = np.zeros((6, 7), np.uint16)
    full = empty.copy()
    full[2:4, 2:4] = 1
    image = np.zeros((6, 7, 3), np.uint8)
    frames = [measure(labels, image, np.zeros((6, 7), np.float32), size) for labels in (empty, full)]
    assert len(frames[0]) == 0
    assert list(frames[0].columns) == list(frames[1].columns)


def test_every_column_has_words():
    image = np.zeros((6, 7, 3), np.uint8)
    frame = measure(np.ones((6, 7), np.uint8), image, np.zeros((6, 7), np.float32), PixelSize(1, 1))
    assert set(frame.columns) <= set(COLUMNS)
    assert all(column.title and column.help.endswith(".") for column in COLUMNS.values())
