import csv
import io
import json
import zipfile

import numpy as np
import pytest
import tifffile
from PIL import Image

from unet.config import ModelConfig, Separation
from unet.model.folder import ModelInfo
from unet.prediction.export import (
    ExportItem,
    everything_zip,
    labels_tiff,
    mask_png,
    probability_tiff,
    unique_stems,
    write_prediction,
)
from unet.prediction.predictor import Prediction

random = np.random.default_rng(0)
INFO = ModelInfo("tiny", ModelConfig())


@pytest.fixture
def prediction():
    probability = np.zeros((20, 30), np.float32)
    probability[2:8, 2:8] = 0.9
    probability[10:15, 10:20] = 0.6
    return Prediction.of(probability)


def test_a_mask_is_grey_0_and_255():
    mask = random.random((7, 9)) > 0.5
    with Image.open(io.BytesIO(mask_png(mask))) as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.array(image), mask * np.uint8(255))


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_labels_come_back_as_they_were(dtype):
    labels = random.integers(0, np.iinfo(dtype).max, (13, 17), dtype)
    found = tifffile.imread(io.BytesIO(labels_tiff(labels)))
    assert found.dtype == dtype
    np.testing.assert_array_equal(found, labels)


def test_probabilities_come_back_as_they_were():
    probability = random.random((13, 17), np.float32)
    found = tifffile.imread(io.BytesIO(probability_tiff(probability)))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, probability)


def test_the_resolution_is_kept():
    content = labels_tiff(np.zeros((4, 4), np.uint16), pixels_per_cm=(20_000, 10_000))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tags = file.pages[0].tags
        assert tags["XResolution"].value == (20_000, 1)
        assert tags["YResolution"].value == (10_000, 1)
        assert tags["ResolutionUnit"].value == tifffile.RESUNIT.CENTIMETER


def test_stems_tell_files_apart():
    files = ["a/x.png", "b/x.tif", "x-2.png", "X.jpg", "..\\..\\evil.png", "y.ome.tif"]
    assert unique_stems(files) == ["x", "x-2", "x-2-2", "X-3", ".._.._evil", "y.ome"]


def test_all_files_of_an_image(tmp_path, prediction):
    labels = write_prediction(tmp_path, "cell", prediction, 0.5, Separation())
    names = {"cell_probability.tif", "cell_mask.png", "cell_labels.tif"}
    assert {path.name for path in tmp_path.iterdir()} == names
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "cell_probability.tif"), prediction.probability)
    np.testing.assert_array_equal(tifffile.imread(tmp_path / "cell_labels.tif"), labels)
    assert labels.max() == 2


def test_class_indices_are_written_too(tmp_path, prediction):
    several = Prediction.of(prediction.probability, np.full(prediction.probability.shape, 3, np.uint8))
    write_prediction(tmp_path, "cell", several, 0.7, Separation())
    assert sorted(np.unique(np.array(Image.open(tmp_path / "cell_classes.png")))) == [0, 3]


def test_everything_in_one_archive(tmp_path, prediction):
    image = random.integers(0, 256, (20, 30, 3), np.uint8)
    items = (ExportItem(file, prediction, image) for file in ("x.png", "x.tif"))
    done = []
    path = everything_zip(tmp_path / "all.zip", items, INFO, 0.7, Separation(min_area=2), progress=done.append)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        names = set(archive.namelist())
        rows = list(csv.DictReader(io.StringIO(archive.read("summary.csv").decode())))
        manifest = json.loads(archive.read("manifest.json"))
        assert "2 images" in archive.read("README.txt").decode()
    kinds = ("probability.tif", "mask.png", "labels.tif", "overlay.png")
    about = {"summary.csv", "manifest.json", "README.txt"}
    assert names == {f"{stem}_{kind}" for stem in ("x", "x-2") for kind in kinds} | about
    assert [(row["file"], row["stem"], row["count"], row["mean_area"]) for row in rows] == [
        ("x.png", "x", "1", "36.0"),
        ("x.tif", "x-2", "1", "36.0"),
    ]
    assert manifest["model"]["name"] == "tiny"
    assert manifest["threshold"] == 0.7
    assert {"unet", "numpy"} <= set(manifest["versions"])
    assert done == [1, 2]


def test_an_export_that_breaks_off_leaves_nothing(tmp_path, prediction):
    def items():
        yield ExportItem("a.png", prediction)
        raise RuntimeError

    with pytest.raises(RuntimeError):
        everything_zip(tmp_path / "all.zip", items(), INFO, 0.5, Separation())
    assert not list(tmp_path.iterdir())
