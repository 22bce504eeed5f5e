"""Each format, read back by a program that is not ours."""

from __future__ import annotations

import dataclasses
import io
import json
import zipfile

import imagecodecs
import numpy as np
import pandas as pd
import pytest
import read_roi
import shapely
import tifffile
from hypothesis import given
from hypothesis.extra import numpy as arrays
from PIL import Image
from pycocotools import mask as rle
from pycocotools.coco import COCO
from skimage.draw import polygon2mask

from unet.exports import pictures
from unet.exports.formats import FORMATS
from unet.exports.outlines import joined_ring, outlines
from unet.io.pixel_size import PixelSize
from unet.prediction.measure import COLUMNS

RING = np.zeros((12, 14), bool)
RING[2:9, 3:11] = True
RING[4:6, 5:8] = False
MASKS = arrays.arrays(bool, arrays.array_shapes(min_dims=2, max_dims=2, max_side=8))


def inside(geometry, shape) -> np.ndarray:
    """Return the pixels whose middle lies in a geometry."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    return shapely.contains_xy(geometry, columns + 0.5, rows + 0.5)


# ---- outlines --------------------------------------------------------------------------------------------------


@given(MASKS)
def test_outlines_are_valid_and_give_back_the_object(mask):
    for outline in outlines(mask.astype(np.uint8)):
        found = np.zeros(mask.shape, bool)
        for outer, *holes in outline.parts:
            polygon = shapely.Polygon(outer, holes)
            assert polygon.is_valid
            assert polygon.exterior.is_ccw != all(shapely.LinearRing(hole).is_ccw for hole in holes) or not holes
            found |= inside(polygon, mask.shape)
        np.testing.assert_array_equal(found, mask)


def test_a_ring_has_a_hole():
    (outline,) = outlines(RING.astype(np.uint8))
    ((outer, hole),) = outline.parts
    assert sorted(map(tuple, outer.tolist())) == [(3, 2), (3, 9), (11, 2), (11, 9)]
    assert sorted(map(tuple, hole.tolist())) == [(5, 4), (5, 6), (8, 4), (8, 6)]


def test_pixels_at_a_corner_have_one_line_around_them_for_imagej():
    (outline,) = outlines(np.eye(3, dtype=np.uint8))
    assert len(outline.parts) == 3
    assert len(joined_ring(outline)) == 12


# ---- pictures --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", [400, 2])
def test_label_maps(make_result, step):
    mask = np.zeros((800, 800), bool)
    mask[::step, ::step] = True
    result = make_result(mask)
    content = FORMATS["labels"].of(result)
    with Image.open(io.BytesIO(content)) as image:
        assert image.size == (800, 800)
    found = tifffile.imread(io.BytesIO(content))
    assert found.dtype == (np.uint32 if step == 2 else np.uint16)  # 160,000 objects, or 4
    np.testing.assert_array_equal(found, result.labels)
    # Corrected nuclei come in four bytes each: the file has the same type all the same.
    again = FORMATS["labels"].of(dataclasses.replace(result, found=result.labels.astype(np.uint32)))
    assert again == content


def test_the_pixel_size_is_kept_as_imagej_and_others_read_it(make_result):
    for name in ("labels", "probability"):
        content = FORMATS[name].of(make_result(size=PixelSize(0.5, 0.25)))
        with tifffile.TiffFile(io.BytesIO(content)) as tiff:
            page = tiff.pages[0]
            assert tiff.is_imagej
            assert tiff.imagej_metadata["unit"] == "cm"
            assert page.get_resolution("MICROMETER") == pytest.approx((2, 4))
        with Image.open(io.BytesIO(content)) as image:
            assert image.info["dpi"] == pytest.approx((50_800, 101_600))
    with tifffile.TiffFile(io.BytesIO(FORMATS["labels"].of(make_result()))) as tiff:
        assert tiff.pages[0].tags.valueof("ResolutionUnit") in (None, 1)


def test_masks_probabilities_and_overlays(make_result):
    result = make_result()
    mask = imagecodecs.png_decode(FORMATS["mask"].of(result))
    np.testing.assert_array_equal(mask, (result.labels > 0) * np.uint8(255))
    probability = imagecodecs.tiff_decode(FORMATS["probability"].of(result))
    assert probability.dtype == np.float32
    np.testing.assert_array_equal(probability, result.prediction.probability)
    overlay = imagecodecs.png_decode(FORMATS["overlay"].of(result))
    assert overlay.shape == (60, 80, 3)
    assert (overlay != result.image).any()


def test_a_large_map_is_written_in_tiles(make_result, monkeypatch):
    monkeypatch.setattr(pictures, "LARGE_PIXELS", 100)
    mask = np.random.default_rng(0).random((530, 1050)) > 0.5
    result = make_result(mask, size=PixelSize(1, 1))
    for name, expected in (("labels", result.labels), ("probability", result.prediction.probability)):
        with tifffile.TiffFile(io.BytesIO(FORMATS[name].of(result))) as tiff:
            assert tiff.pages[0].is_tiled
            np.testing.assert_array_equal(tiff.asarray(), expected)


def test_a_large_overlay_is_made_smaller(make_result, monkeypatch):
    monkeypatch.setattr(pictures, "LONGEST_OVERLAY", 40)
    assert imagecodecs.png_decode(FORMATS["overlay"].of(make_result())).shape == (30, 40, 3)


# ---- tables ----------------------------------------------------------------------------------------------------


def test_measurements(make_result):
    result = make_result(size=PixelSize(0.5, 0.5))
    frame = pd.read_csv(io.BytesIO(FORMATS["measurements"].of(result)))
    assert set(frame) <= set(COLUMNS)
    assert frame["area"].tolist() == np.bincount(result.labels.ravel())[1:].tolist()
    assert frame["area_um2"].tolist() == (frame["area"] / 4).tolist()


def decode(pairs: str, shape: tuple[int, int]) -> np.ndarray:
    """Let pycocotools read run lengths: its own count from 0, and alternate between outside and inside."""
    numbers = list(map(int, pairs.split()))
    counts, end = [], 0
    for start, length in zip(numbers[::2], numbers[1::2], strict=True):
        counts += [start - 1 - end, length]
        end = start - 1 + length
    counts.append(shape[0] * shape[1] - end)
    return rle.decode(rle.frPyObjects({"size": list(shape), "counts": counts}, *shape)).astype(bool)


def test_run_lengths(make_result):
    result, empty = make_result(), make_result(np.zeros((5, 6), bool), file="empty.tif")
    form = FORMATS["rle"]
    frame = pd.read_csv(io.BytesIO(form.whole([form.part(result), form.part(empty)])))
    assert list(frame) == ["ImageId", "EncodedPixels"]
    assert frame["ImageId"].tolist() == ["cells"] * int(result.labels.max()) + ["empty"]
    assert pd.isna(frame["EncodedPixels"].iloc[-1])
    for number, pairs in enumerate(frame["EncodedPixels"][:-1], start=1):
        np.testing.assert_array_equal(decode(pairs, result.labels.shape), result.labels == number)


def test_run_lengths_by_hand(make_result):
    mask = np.zeros((4, 5), bool)
    mask[1:3, 1:3] = True
    assert FORMATS["rle"].part(make_result(mask)) == [("cells", "6 2 10 2")]


def test_the_summary(make_result):
    form = FORMATS["summary"]
    frame = pd.read_csv(io.BytesIO(form.whole([form.part(make_result())])))
    labels = make_result().labels
    assert frame["count"].tolist() == [int(labels.max())]
    assert frame["covered"].iloc[0] == pytest.approx((labels > 0).mean())
    assert frame["mean_area"].iloc[0] == pytest.approx((labels > 0).sum() / labels.max())


# ---- outlines for other programs -------------------------------------------------------------------------------


def test_imagej_regions(make_result, tmp_path):
    result = make_result()
    path = tmp_path / "rois.zip"
    path.write_bytes(FORMATS["rois"].of(result))
    found = read_roi.read_roi_zip(path)
    assert list(found) == [f"{number:04d}" for number in range(1, result.labels.max() + 1)]
    for name, roi in found.items():
        assert roi["type"] == "polygon"
        # Of pixels' edges, as ImageJ has it: moved by half a pixel they go between the middles.
        corners = np.column_stack([roi["y"], roi["x"]]) - 0.5
        np.testing.assert_array_equal(polygon2mask(result.labels.shape, corners), result.labels == int(name))


def test_imagej_regions_without_objects(make_result, tmp_path):
    content = FORMATS["rois"].of(make_result(np.zeros((5, 6), bool)))
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == []


@pytest.mark.parametrize("mask", [None, RING, np.eye(5, dtype=bool)])
def test_geojson(make_result, mask):
    result = make_result(mask)
    content = json.loads(FORMATS["geojson"].of(result))
    assert content["type"] == "FeatureCollection"
    shapes = shapely.from_geojson(json.dumps(content))
    for feature, geometry in zip(content["features"], shapes.geoms, strict=True):
        assert geometry.is_valid
        number = int(feature["properties"]["name"])
        np.testing.assert_array_equal(inside(geometry, result.labels.shape), result.labels == number)
        assert feature["properties"]["objectType"] == "detection"
        assert feature["properties"]["measurements"]["Area, px"] == geometry.area
    again = json.loads(FORMATS["geojson"].of(make_result(mask)))
    assert [each["id"] for each in again["features"]] == [each["id"] for each in content["features"]]


@pytest.mark.parametrize("odd", [np.nan, np.inf])
def test_geojson_of_an_image_with_values_that_are_no_numbers(make_result, odd):
    image = RING.astype(np.float32)
    image[3, 4] = odd
    content = FORMATS["geojson"].of(dataclasses.replace(make_result(RING), image=image))
    (feature,) = json.loads(content, parse_constant=pytest.fail)["features"]
    assert feature["properties"]["measurements"]["Area, px"] == RING.sum()
    assert "Mean intensity" not in feature["properties"]["measurements"]


@pytest.mark.parametrize("mask", [None, RING])
def test_coco(make_result, tmp_path, mask):
    first, second = make_result(mask), make_result(RING, file="ring.png")
    form = FORMATS["coco"]
    path = tmp_path / "coco.json"
    path.write_bytes(form.whole([form.part(first), form.part(second)]))
    coco = COCO(str(path))
    assert [image["file_name"] for image in coco.loadImgs(coco.getImgIds())] == ["cells.png", "ring.png"]
    for result, image in zip((first, second), coco.getImgIds(), strict=True):
        annotations = coco.loadAnns(coco.getAnnIds(imgIds=image))
        assert len(annotations) == result.labels.max()
        for number, annotation in enumerate(annotations, start=1):
            object_ = result.labels == number
            np.testing.assert_array_equal(coco.annToMask(annotation).astype(bool), object_)
            assert annotation["area"] == object_.sum()
            rows, columns = np.nonzero(object_)
            assert annotation["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]


# ---- what is kept ----------------------------------------------------------------------------------------------


def test_every_format_honours_the_ranges(make_result, tmp_path):
    areas = make_result().measurements["area"]
    kept = make_result(ranges={"area": (areas.median(), areas.max())})
    numbers = kept.measurements["label"].tolist()
    assert 0 < len(numbers) < len(areas)
    assert sorted(set(kept.labels.ravel().tolist()) - {0}) == numbers
    assert len(json.loads(FORMATS["geojson"].of(kept))["features"]) == len(numbers)
    assert len(FORMATS["coco"].part(kept)["annotations"]) == len(numbers)
    assert len(FORMATS["rle"].part(kept)) == len(numbers)
    assert FORMATS["summary"].part(kept).count == len(numbers)
    with zipfile.ZipFile(io.BytesIO(FORMATS["rois"].of(kept))) as archive:
        assert len(archive.namelist()) == len(numbers)


@pytest.mark.parametrize("name", sorted(set(FORMATS) - {"classes"}))
def test_nothing_found_gives_good_files(make_result, name):
    assert FORMATS[name].of(make_result(np.zeros((5, 6), bool)))
