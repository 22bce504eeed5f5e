"""What we export comes back as it was, and so does what other programs write."""

from __future__ import annotations

import io
import json
import zipfile

import numpy as np
import pytest
import roifile
import shapely
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask

from tests.factories import draw_discs
from unet.config import ModelConfig, Separation
from unet.corrections.coco_masks import pixels_of
from unet.corrections.load import read_nuclei
from unet.errors import ImageError
from unet.exports.formats import FORMATS
from unet.models.metadata import ModelInfo
from unet.prediction.maps import Prediction
from unet.prediction.result import Decisions, Result

SIZE = (60, 80)
IMAGE, LABELS = draw_discs(6, SIZE, 3)


def same_nuclei(one: np.ndarray, other: np.ndarray) -> bool:
    """Tell whether two label maps have the same nuclei, whatever their numbers."""
    pairs = {*zip(one.ravel().tolist(), other.ravel().tolist(), strict=True)}
    return len(pairs) == len({a for a, _ in pairs}) == len({b for _, b in pairs}) and ((0, 0) in pairs)


def exported(name: str) -> bytes:
    decisions = Decisions(ModelInfo("tiny", ModelConfig()), 0.5, Separation())
    prediction = Prediction.of((LABELS > 0).astype(np.float32))
    return FORMATS[name].of(Result("cells.png", "cells", IMAGE, prediction, decisions, found=LABELS))


@pytest.mark.parametrize(
    ("name", "file"),
    [("labels", "a.tif"), ("rois", "a_rois.zip"), ("geojson", "a.geojson"), ("coco", "coco.json")],
)
def test_what_is_exported_comes_back(name, file):
    assert same_nuclei(read_nuclei(exported(name), file, SIZE, "cells.png"), LABELS)


def test_label_maps_of_16_and_32_bits_and_masks_of_one_value():
    for numbers in (LABELS.astype(np.uint16) * 300, LABELS.astype(np.uint32) * 70_000):
        stream = io.BytesIO()
        tifffile.imwrite(stream, numbers)
        assert same_nuclei(read_nuclei(stream.getvalue(), "a.tiff", SIZE), LABELS)
    mask = np.zeros(SIZE, np.uint8)
    mask[3:9, 3:9] = mask[20:30, 40:50] = 255
    stream = io.BytesIO()
    Image.fromarray(mask).save(stream, "png")
    assert np.unique(read_nuclei(stream.getvalue(), "mask.PNG", SIZE)).tolist() == [0, 1, 2]


def test_regions_as_fiji_writes_them():
    """Of several kinds: a freehand line, a traced polygon, a rectangle, an oval; a line, which is no nucleus."""
    rois = [
        roifile.ImagejRoi.frompoints(np.array([[3, 4], [12, 4], [12, 11], [3, 11]], np.int32), name="traced"),
        roifile.ImagejRoi.frompoints(np.array([[20.5, 20.5], [30.5, 20.5], [30.5, 30.5], [20.5, 30.5]]), name="free"),
    ]
    rois[1].roitype = roifile.ROI_TYPE.FREEHAND
    for kind, left in ((roifile.ROI_TYPE.RECT, 40), (roifile.ROI_TYPE.OVAL, 60)):
        roi = roifile.ImagejRoi.frompoints(
            np.array([[left, 40], [left + 10, 40], [left + 10, 50], [left, 50]], np.int32)
        )
        roi.roitype, roi.integer_coordinates, roi.n_coordinates = kind, None, 0
        roi.right, roi.bottom = left + 10, 50
        rois.append(roi)
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for index, roi in enumerate(rois):
            archive.writestr(f"{index:04d}.roi", roi.tobytes())
    labels = read_nuclei(stream.getvalue(), "RoiSet.zip", SIZE)
    assert (labels[4:11, 3:12] == 1).all()
    assert np.count_nonzero(labels == 1) == 7 * 9
    assert np.count_nonzero(labels == 2) == pytest.approx(100, abs=25)
    assert (labels[40:50, 40:50] == 3).all()
    assert np.count_nonzero(labels == 4) == pytest.approx(78, abs=6)
    alone = read_nuclei(rois[0].tobytes(), "one.roi", SIZE)
    np.testing.assert_array_equal(alone, labels == 1)


def test_geojson_as_qupath_writes_it():
    """A list of features, or one collection of them; holes, several parts, a point that is no nucleus."""
    ring = shapely.box(5, 5, 25, 25) - shapely.box(10, 10, 15, 15)
    parts = shapely.union_all([shapely.box(40, 5, 45, 10), shapely.box(50, 5, 55, 10)])
    geometries = [shapely.geometry.mapping(each) for each in (ring, parts, shapely.Point(2, 2))]
    features = [{"type": "Feature", "id": "x", "geometry": each, "properties": {}} for each in geometries]
    expected = np.zeros(SIZE, int)
    expected[5:25, 5:25] = 1
    expected[10:15, 10:15] = 0
    expected[5:10, 40:45] = expected[5:10, 50:55] = 2
    for data in (features, {"type": "FeatureCollection", "features": features}):
        np.testing.assert_array_equal(read_nuclei(json.dumps(data).encode(), "cells.geojson", SIZE), expected)


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_run_lengths_as_pycocotools_writes_them(seed):
    random = np.random.default_rng(seed)
    mask = random.random(SIZE) < random.random()
    mask[5, 7] = True
    packed = coco_mask.encode(np.asfortranarray(mask.astype(np.uint8)))
    flat = mask.T.ravel()
    edges = np.flatnonzero(np.diff(flat, prepend=False))
    plain = np.diff(edges, prepend=0, append=len(flat)).tolist()
    for counts in (packed["counts"].decode(), plain):
        annotation = {"image_id": 4, "segmentation": {"size": list(SIZE), "counts": counts}}
        images = [{"id": 4, "file_name": "x/cells.tif", "height": SIZE[0], "width": SIZE[1]}]
        data = {"images": images, "annotations": [annotation]}
        np.testing.assert_array_equal(read_nuclei(json.dumps(data).encode(), "a.json", SIZE, "cells.png"), mask)


def coco(**changes) -> bytes:
    images = [{"id": 1, "file_name": "cells.png", "height": SIZE[0], "width": SIZE[1]}]
    polygon = {"image_id": 1, "segmentation": [[1, 1, 9, 1, 9, 9]]}
    return json.dumps({"images": images, "annotations": [polygon], **changes}).encode()


def tiff(size: tuple[int, int]) -> bytes:
    stream = io.BytesIO()
    tifffile.imwrite(stream, np.ones(size, np.uint8))
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (tiff((60, 81)), "a.tif", "a.tif is 81 x 60 pixels, but its image is 80 x 60"),
        (coco(images=[{"id": 1, "file_name": "c", "height": 9, "width": 9}]), "a.json", "its image is 9 x 9 pixels"),
        (coco(images=[{"id": 1, "file_name": "c"}, {"id": 2, "file_name": "d"}]), "a.json", "speaks of 2 images"),
        (coco(annotations=[{"image_id": 1, "segmentation": [[0, 0, 200, 0, 0, 9]]}]), "a.json", "another image"),
        (coco(annotations=[{"image_id": 1, "segmentation": {"size": [60, 80], "counts": "~~"}}]), "a.json", "damaged"),
        (coco(annotations=[]), "a.json", "holds no nuclei"),
        (b"{", "a.geojson", "a.geojson cannot be read"),
        (b"[" * 100_000, "a.geojson", "cannot be read"),
        (b'{"type": "Polygon", "coordinates": [[[0, 0], [NaN, 1], [2, 2]]]}', "a.json", "cannot be read"),
        (b"no zip", "a.zip", "cannot be read"),
        (b"Iout", "a.roi", "cannot be read"),
        (b"", "a.xml", "no ending that is known"),
    ],
)
def test_what_cannot_be_the_images_nuclei_is_refused_with_a_sentence(content, name, words):
    with pytest.raises(ImageError, match=words):
        read_nuclei(content, name, SIZE, "cells.png")


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["a.roi", "a.zip", "a.json"]), st.booleans())
def test_any_bytes_are_read_or_refused(content, name, headed):
    head = {"a.roi": b"Iout\x00\xe3", "a.zip": b"PK\x03\x04", "a.json": b'{"features": ['}[name]
    try:
        assert read_nuclei(head + content if headed else content, name, SIZE).shape == SIZE
    except ImageError as error:
        assert name in str(error)


@pytest.mark.parametrize(
    "data",
    [
        {"type": "Polygon", "coordinates": [[[10**400, 1], [2, 2], [3, 1]]]},
        {
            "images": [{"id": 1, "file_name": "a.png", "height": 4, "width": 4}],
            "annotations": [{"image_id": 1, "segmentation": {"size": [4, 4], "counts": [10**30]}}],
        },
    ],
)
def test_numbers_without_end_are_no_nuclei(data):
    with pytest.raises(ImageError, match=r"a\.json cannot be read"):
        read_nuclei(json.dumps(data).encode(), "a.json", (4, 4))


def with_shape(shape: object, times: int, side: int) -> bytes:
    """Return a COCO file in which one shape is a nucleus again and again."""
    image = {"id": 1, "file_name": "a.png", "height": side, "width": side}
    return json.dumps({"images": [image], "annotations": [{"image_id": 1, "segmentation": shape}] * times}).encode()


@pytest.mark.parametrize(
    "shape",
    [
        {"size": [1000, 1000], "counts": [0, 1_000_000]},  # 40 bytes, and a million pixels
        [[0, 0, 999, 0, 999, 999]],
        [[0, 0, 999, 0, 999, 999]] * 3,
    ],
    ids=["run lengths", "polygon", "rings"],
)
def test_a_small_file_holds_no_work_without_end(shape):
    with pytest.raises(ImageError, match="more than 50 times"):
        read_nuclei(with_shape(shape, 20_000, 1000), "coco.json", (1000, 1000))
    assert read_nuclei(with_shape(shape, 3, 1000), "coco.json", (1000, 1000)).max() == 1


@given(data=st.lists(st.booleans(), min_size=12, max_size=12))
def test_run_lengths_are_what_cocos_own_library_writes(data):
    mask = np.array(data, np.uint8).reshape(3, 4)
    counts = coco_mask.encode(np.asfortranarray(mask))["counts"].decode()
    found = np.zeros(12, np.uint8)
    found[pixels_of({"size": [3, 4], "counts": counts}, (3, 4))] = 1
    np.testing.assert_array_equal(found.reshape(3, 4), mask)


def test_run_lengths_that_add_up_by_overflowing_are_refused():
    with pytest.raises(ValueError, match="run lengths"):
        pixels_of({"size": [2, 2], "counts": [2**62, 2**62, 2**62, 2**62, 4]}, (2, 2))
