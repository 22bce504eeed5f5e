"""Many images into one zip: names, manifest, memory."""

from __future__ import annotations

import io
import json
import shlex
import tracemalloc
import zipfile
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import tifffile

from unet.cli.arguments import preparation_from_flags, separation_from_flags
from unet.cli.main import make_parser
from unet.config import Separation
from unet.exports.bundle import everything_zip, one_format, unique_stems
from unet.exports.command import command_of
from unet.exports.formats import FORMATS
from unet.exports.tables import group_rows
from unet.io.pixel_size import PixelSize
from unet.models.folder import model_digest
from unet.prediction.result import Decisions
from unet.preprocess.adjust import ImageAdjustments


def test_stems_never_collide_nor_lead_elsewhere():
    assert unique_stems(["a.png", "b/a.tif", "A.bmp", "c.png"]) == ["a", "a-2", "A-3", "c"]
    assert unique_stems(["..\\..\\x.png", "C:y.png"]) == [".._.._x", "C_y"]


def test_everything(make_result, decisions, tmp_path):
    results = [make_result(file="a.png"), make_result(file="b.png")]
    done = []
    path = everything_zip(tmp_path / "all.zip", iter(results), decisions, progress=done.append)
    assert done == [1, 2]
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        about = archive.read("README.txt").decode()
    for name, form in FORMATS.items():
        if name != "classes":  # this model has one kind of nucleus
            expected = [f"a{form.suffix}", f"b{form.suffix}"] if form.write else [form.suffix]
            assert set(expected) <= set(names)
    assert "b_classes.png" not in names
    assert len(names) == len(set(names))
    assert manifest["threshold"] == 0.5
    assert [image["file"] for image in manifest["images"]] == ["a.png", "b.png"]
    assert manifest["model"]["name"] == "tiny"
    assert {"python", "numpy"} <= set(manifest["versions"])
    assert "2 images" in about
    assert "_labels.tif" in about


def test_one_format_of_all_images_is_one_file_where_it_can_be(make_result, tmp_path):
    files = ["day 1/a.png", "day 2/a.png"]

    def results():
        return (make_result(file=file, groups="folder") for file in files)

    table = pd.read_csv(one_format(tmp_path / "nuclei.csv", "nuclei", results()))
    assert list(table.columns[:3]) == ["image", "group", "label"]
    assert table.groupby("group")["image"].unique().map(list).to_dict() == {"day 1": files[:1], "day 2": files[1:]}
    each = make_result().measurements
    assert table["area"].tolist() == [*each["area"], *each["area"]]
    rows = group_rows(table, "area")
    assert rows["per_image"].tolist() == [len(each)] * 2
    assert rows["sd"].tolist() == pytest.approx([each["area"].std()] * 2)
    with zipfile.ZipFile(one_format(tmp_path / "mask.zip", "mask", [make_result(file="a.png")])) as archive:
        assert archive.namelist() == ["a_mask.png"]


def test_a_table_of_no_nuclei_has_its_columns(make_result, tmp_path):
    empty = make_result(np.zeros((5, 6), bool), file="empty.png")
    table = pd.read_csv(one_format(tmp_path / "nuclei.csv", "nuclei", [empty]))
    assert len(table) == 0
    assert {"image", "group", "label", "area"} <= set(table)


def test_the_manifest_names_the_model_by_its_content(make_result, decisions, tmp_path):
    for name, text in (("model.json", "{}"), ("model.weights.h5", "weights")):
        (tmp_path / name).write_text(text)
    path = everything_zip(tmp_path / "all.zip", [make_result()], decisions, model_folder=tmp_path)
    with zipfile.ZipFile(path) as archive:
        assert json.loads(archive.read("manifest.json"))["model_digest"] == model_digest(tmp_path)
    before = model_digest(tmp_path)
    (tmp_path / "model.weights.h5").write_text("others")
    assert model_digest(tmp_path) != before


def test_what_was_corrected_by_hand_is_exported_and_said(make_result, decisions, tmp_path):
    labels = np.zeros((60, 80), np.uint32)
    labels[5:15, 5:15], labels[30:40, 30:42] = 3, 70_000  # numbers stay with their nucleus
    corrections = {"summary": "2 corrections: 1 added, 1 deleted", "added": 1, "deleted": 1}
    result = replace(make_result(), found=labels, corrections=corrections)
    path = everything_zip(tmp_path / "all.zip", [result, make_result(file="other.png")], decisions)
    with zipfile.ZipFile(path) as archive:
        manifest = json.loads(archive.read("manifest.json"))
        files = {name: archive.read(name) for name in archive.namelist()}
    assert manifest["corrected_by_hand"] is True
    assert [image["corrections"] for image in manifest["images"]] == [corrections, None]
    assert manifest["images"][0]["objects"] == 2
    np.testing.assert_array_equal(tifffile.imread(io.BytesIO(files["cells_labels.tif"])), labels)
    assert [row.split(b",")[0] for row in files["cells_measurements.csv"].splitlines()] == [b"label", b"3", b"70000"]
    assert len(json.loads(files["cells.geojson"])["features"]) == 2
    assert len([each for each in json.loads(files["coco.json"])["annotations"] if each["image_id"] == 1]) == 2


def test_the_command_makes_the_same_decisions(decisions):
    made = Decisions(
        decisions.info,
        0.37,
        Separation(separate=True, min_valley_depth=0.2, min_area=7, fill_holes=True),
        ImageAdjustments(channels=(2,), invert=True, scale=1.5),
        {"area": (30, 120.5), "solidity": (0.9, 1)},
        model="run:my run",
        groups="{group}_*",
    )
    words = shlex.split(command_of(made, ["labels", "mask"], [3, 5]))
    assert words[:4] == ["python", "-m", "unet", "predict"]
    flags = make_parser().parse_args(words[3:])
    assert (flags.model, flags.threshold, flags.page) == ("run:my run", 0.37, 3)
    assert flags.export == ["labels", "mask"]
    assert flags.group_by == "{group}_*"
    assert flags.keep == ["area:30:120.5", "solidity:0.9:1"]
    assert separation_from_flags(flags, decisions.info.separation) == made.separation
    assert preparation_from_flags(flags) == made.preparation
    assert shlex.split(command_of(decisions, list(FORMATS)))[-2:] == ["--export", "all"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [((0.325, 0.325), 0.325), ((0.325, 0.5), None), ((None, 0.325), None), ((None, None), None)],
)
def test_the_command_names_a_pixel_size_that_all_images_have(make_result, decisions, tmp_path, sizes, expected):
    results = [make_result(file=f"{n}.png", size=s and PixelSize(s, s)) for n, s in enumerate(sizes)]
    path = everything_zip(tmp_path / "all.zip", results, decisions, formats=("mask",))
    with zipfile.ZipFile(path) as archive:
        command = json.loads(archive.read("manifest.json"))["command"]
    assert make_parser().parse_args(shlex.split(command)[3:]).pixel_size == expected


@pytest.mark.parametrize("size", ["-3", "0", "nan", "inf"])
def test_pixel_sizes_of_no_microscope_are_wrong_usage(size, capsys):
    with pytest.raises(SystemExit) as stopped:
        make_parser().parse_args(["predict", "--input", "a", "--output", "b", f"--pixel-size={size}"])
    assert stopped.value.code == 2
    assert "no pixel of a microscope" in capsys.readouterr().err


def test_a_zip_is_whole_or_not_there(make_result, decisions, tmp_path):
    def results():
        yield make_result()
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        everything_zip(tmp_path / "all.zip", results(), decisions)
    assert list(tmp_path.iterdir()) == []


def test_memory_does_not_grow_with_the_images(make_result, decisions, tmp_path):
    def peak(count: int) -> int:
        tracemalloc.start()
        try:
            results = (make_result(file=f"{number}.png") for number in range(count))
            everything_zip(tmp_path / "all.zip", results, decisions, formats=("labels", "overlay", "probability"))
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    peak(1)
    # A picture takes 40 KB; what is known of each, in the manifest, some hundred bytes.
    assert peak(30) < peak(3) + 100_000
