"""Stacks, plates and OME-Zarr on their way from files to results."""

from __future__ import annotations

import csv
import json

import numpy as np
import ome_zarr_models
import pytest
import tifffile
import zarr

from tests.factories import draw_discs
from tests.zarrs import write_plate, write_zarr
from unet.cli.main import main
from unet.config import ModelConfig, Separation
from unet.exports.batch import predict_planes
from unet.exports.linking import Linker, linked_pairs
from unet.exports.work import Job
from unet.io.planes import find_planes
from unet.models.metadata import ModelInfo
from unet.prediction.levels import read_fitting
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions
from unet.preprocess.adjust import ImageAdjustments
from unet.settings import DEFAULT_MODEL

CONFIG = ModelConfig(input_size=(32, 32), channels=1, filters=(4, 8), dropout=(0.1,))
SIZE = (64, 80)


def brightness(images: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp((100 - images.astype(np.float32)) / 5))


@pytest.fixture
def job(tmp_path, settings):
    info = ModelInfo("brightness", CONFIG)
    decisions = Decisions(info, 0.5, Separation(separate=False))
    return Job(tmp_path / "results", settings, decisions, ("labels", "nuclei"))


@pytest.fixture
def predictor():
    return Predictor(brightness, ModelInfo("brightness", CONFIG))


def squares(*corners: tuple[int, int]) -> np.ndarray:
    image = np.zeros(SIZE, np.uint8)
    for row, column in corners:
        image[row : row + 12, column : column + 12] = 200
    return image


def rows_of(path):
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def with_link(job, **changes):
    return Job(**{**{name: getattr(job, name) for name in job.__dataclass_fields__}, **changes})


# Two nuclei that move; a third that comes with the second plane; the first leaves with the third.
PLANES = np.stack(
    [
        squares((4, 4), (40, 40)),
        squares((6, 5), (38, 42), (8, 60)),
        squares((37, 43), (9, 60)),
    ]
)


def test_a_nucleus_keeps_its_number_from_plane_to_plane(tmp_path, job, predictor):
    tifffile.imwrite(tmp_path / "a.tif", PLANES[None], imagej=True, metadata={"axes": "TZYX"})
    planes = find_planes([str(tmp_path / "a.tif")], "all")
    rows = predict_planes(predictor, planes, with_link(job, link=True))
    assert [row.count for row in rows] == [2, 3, 2]
    found = rows_of(job.output / "nuclei.csv")
    assert [(row["z"], row["label"]) for row in found] == [
        ("0", "1"), ("0", "2"), ("1", "1"), ("1", "2"), ("1", "3"), ("2", "2"), ("2", "3"),
    ]  # fmt: skip
    assert [row["z"] for row in rows_of(job.output / "summary.csv")] == ["0", "1", "2"]
    with tifffile.TiffFile(job.output / "a_labels.ome.tif") as tiff:
        assert tiff.is_ome
        labels = tiff.asarray()
    assert labels.shape == (3, *SIZE)
    for z, places in enumerate([{1: (10, 10), 2: (45, 45)}, {1: (10, 10), 2: (45, 45), 3: (12, 65)}, {2: (45, 45)}]):
        assert all(labels[z][place] == number for number, place in places.items())
        np.testing.assert_array_equal(labels[z], tifffile.imread(job.output / f"a_z{z:03d}_labels.tif"))


def test_without_links_each_plane_counts_from_one_and_a_series_of_stacks_begins_anew(tmp_path, job, predictor):
    stacks = np.stack([PLANES, PLANES[::-1]])
    tifffile.imwrite(tmp_path / "a.tif", stacks, imagej=True, metadata={"axes": "TZYX"})
    planes = find_planes([str(tmp_path / "a.tif")], "all")
    predict_planes(predictor, planes, job)
    found = rows_of(job.output / "nuclei.csv")
    assert [row["label"] for row in found if (row["t"], row["z"]) == ("0", "2")] == ["1", "2"]
    predict_planes(predictor, planes, with_link(job, link=True))
    numbers = [{row["label"] for row in rows_of(job.output / "nuclei.csv") if row["t"] == t} for t in "01"]
    assert not numbers[0] & numbers[1]


def test_of_a_flat_series_frames_are_linked(tmp_path, job, predictor):
    tifffile.imwrite(tmp_path / "a.tif", PLANES[:, None], imagej=True, metadata={"axes": "TZYX"})
    predict_planes(predictor, find_planes([str(tmp_path / "a.tif")], "all"), with_link(job, link=True))
    assert [(row["t"], row["label"]) for row in rows_of(job.output / "nuclei.csv")][-2:] == [("2", "2"), ("2", "3")]


def test_the_best_of_all_pairings_is_taken_and_not_the_first():
    before, after = np.zeros((1, 100), int), np.zeros((1, 100), int)
    before[0, :40], before[0, 40:60] = 1, 2
    after[0, :22], after[0, 22:60] = 5, 6  # the second overlaps most with each of both
    old, new = linked_pairs(before, after)
    assert dict(zip(old.tolist(), new.tolist(), strict=True)) == {1: 5, 2: 6}
    linker = Linker()
    linker.link(before)
    np.testing.assert_array_equal(np.unique(linker.link(after)), [0, 1, 2])


def test_a_broken_plane_is_reported_and_the_others_go_on(tmp_path, job, predictor):
    folder = write_zarr(tmp_path / "a.zarr", PLANES, "zyx", levels=1, chunk=100)
    for chunk in (folder / "0" / "1").rglob("*"):
        chunk.is_file() and chunk.write_bytes(b"broken")
    for chunk in (folder / "0").glob("1.*"):
        chunk.write_bytes(b"broken")
    rows = predict_planes(predictor, find_planes([str(folder)], "all"), with_link(job, link=True))
    assert [bool(row.error) for row in rows] == [False, True, False]
    assert tifffile.imread(job.output / "a_labels.ome.tif")[1].max() == 0


@pytest.mark.parametrize("version", ["0.4", "0.5"])
def test_labels_in_the_zarr_are_what_the_standard_wants(tmp_path, job, predictor, version):
    folder = write_zarr(tmp_path / "a.zarr", PLANES, "zyx", version=version, levels=2)
    planes = find_planes([str(folder)], "all")
    predict_planes(predictor, planes, with_link(job, link=True, into_zarr=True))
    for part in ("labels/nuclei", "labels", ""):
        ome_zarr_models.open_ome_zarr(zarr.open_group(folder / part, mode="r"))  # raises where it is not valid
    group = zarr.open_group(folder / "labels" / "nuclei", mode="r")
    labels = tifffile.imread(job.output / "a_labels.ome.tif")
    np.testing.assert_array_equal(group["0"][:], labels)
    about = dict(group.attrs).get("ome", dict(group.attrs))
    assert [each["label-value"] for each in about["image-label"]["colors"]] == [1, 2, 3]
    datasets = about["multiscales"][0]["datasets"]
    assert datasets[0]["coordinateTransformations"][0]["scale"] == [1.0, 0.5, 0.5]


def test_labels_of_one_plane_bring_their_measurements_and_a_pyramid(tmp_path, job, predictor):
    image = np.kron(PLANES[1], np.ones((8, 8), np.uint8))
    folder = write_zarr(tmp_path / "a.zarr", image, "yx", version="0.4", chunk=256)
    predict_planes(predictor, find_planes([str(folder)]), with_link(job, into_zarr=True))
    group = zarr.open_group(folder / "labels" / "nuclei", mode="r")
    for level in (1, 2):
        middle = 2**level // 2
        np.testing.assert_array_equal(group[str(level)][:], group["0"][middle :: 2**level, middle :: 2**level])
    assert [group[name].shape for name in sorted(group.array_keys())] == [(512, 640), (256, 320), (128, 160)]
    properties = group.attrs["image-label"]["properties"]
    rows = rows_of(job.output / "nuclei.csv")
    assert [each["area"] for each in properties] == [float(row["area"]) for row in rows]
    assert float(rows[0]["area_um2"]) == float(rows[0]["area"]) / 4


def test_the_table_of_a_plate_names_wells_and_fields(tmp_path, job, predictor):
    folder = write_plate(tmp_path / "p.zarr", {"A/1": [PLANES[0], PLANES[1]], "B/2": [PLANES[2]]})
    rows = predict_planes(predictor, find_planes([str(folder)]), job)
    assert [(row.well, row.field, row.count) for row in rows] == [("A1", "0", 2), ("A1", "1", 3), ("B2", "0", 2)]
    assert {row["well"] for row in rows_of(job.output / "nuclei.csv")} == {"A1", "B2"}
    wells = [(row["well"], row["fields"], row["nuclei"], row["per_field"]) for row in rows_of(job.output / "wells.csv")]
    assert wells == [("A1", "2", "5", "2.5"), ("B2", "1", "2", "2.0")]
    assert (job.output / "p_A1_1_labels.tif").is_file()
    images = json.loads((job.output / "manifest.json").read_text())["images"]
    assert [(each["well"], each["field"]) for each in images] == [("A1", "0"), ("A1", "1"), ("B2", "0")]


def test_the_command_predicts_the_level_at_which_the_model_knows_the_nuclei(tmp_path, settings, capsys):
    image, _ = draw_discs(14, (1200, 1400), 3)  # of 150 to 290 pixels
    folder = write_zarr(tmp_path / "a.zarr", image[..., 0], "yx", levels=4, chunk=512)
    (plane,) = find_planes([str(folder)])
    predictor = Predictor.open(DEFAULT_MODEL)
    found, level = read_fitting(plane.open(settings), predictor, ImageAdjustments(), tmp_path)
    assert level.factor >= 3.9
    words = ["predict", "--input", str(folder), "--output", str(tmp_path / "out"), "--planes", "max", "--into-zarr"]
    assert main(words) == 0
    labels = zarr.open_group(folder / "labels" / "nuclei", mode="r")
    assert labels[level.path].shape == found.shape
    assert labels["0"].shape == image.shape[:2]
    scale = labels.attrs["multiscales"][0]["datasets"][int(level.path)]["coordinateTransformations"][0]["scale"]
    assert scale == [level.pixel_size.y, level.pixel_size.x]
    assert len(np.unique(labels["0"])) == len(np.unique(labels[level.path])) > 5
    assert "--planes max --into-zarr" in json.loads((tmp_path / "out" / "manifest.json").read_text())["command"]
