"""The command line as its user types it."""

import csv
import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.factories import draw_discs
from unet.cli.main import main, make_parser
from unet.runs.run import list_runs

TINY = ["--input-size", "32", "32", "--filters", "4", "8", "--dropout", "0.1", "--epochs", "1", "--batch-size", "4"]


@pytest.fixture
def model(tutorial_folder, settings):
    assert main(["train", str(tutorial_folder), "--name", "tiny", *TINY]) == 0
    return list_runs(settings)[0].model_folder


@pytest.fixture
def images(tmp_path):
    """An 8-bit colour PNG, a 16-bit TIFF of the same stem, and a broken JPEG."""
    folder = tmp_path / "images"
    folder.mkdir()
    image, _ = draw_discs(3, (40, 70), seed=1)
    Image.fromarray(image).save(folder / "cells.png")
    tifffile.imwrite(folder / "cells.tif", image[..., 0].astype(np.uint16) * 16)
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff not a picture")
    return folder


@pytest.mark.parametrize("command", [[], ["inspect"], ["train"], ["predict"], ["evaluate"], ["runs"]])
def test_help_is_there(command, capsys):
    with pytest.raises(SystemExit) as ended:
        main([*command, "--help"])
    assert ended.value.code == 0
    assert "usage: python -m unet" in capsys.readouterr().out


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["fly"],
        ["train"],
        ["train", "x", "--epochs", "many"],
        ["predict", "--input", "x", "--output", "y", "--threshold", "1.5"],
    ],
)
def test_wrong_usage_ends_with_2(arguments):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2


def test_a_setting_that_cannot_work_ends_with_2_and_is_named(tutorial_folder, capsys):
    assert main(["train", str(tutorial_folder), "--epochs", "0"]) == 2
    assert "epochs" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["inspect", "train", "evaluate"])
def test_a_missing_dataset_ends_with_1_and_is_named(command, capsys):
    assert main([command, "no-such-thing.zip"]) == 1
    assert "no-such-thing.zip" in capsys.readouterr().err


def test_inspect_counts_and_lists_what_is_wrong(tutorial_folder, tmp_path, capsys):
    broken = tutorial_folder / "sample00" / "images" / "sample00.png"
    broken.write_bytes(b"no picture")
    assert main(["inspect", str(tutorial_folder), "--csv", str(tmp_path / "report.csv")]) == 0
    printed = capsys.readouterr().out
    assert "5 images to train on" in printed
    assert "1 left out" in printed
    assert "sample00 (left out)" in printed
    with (tmp_path / "report.csv").open(newline="") as file:
        assert len(list(csv.DictReader(file))) == 6


def test_train_writes_a_run_and_runs_lists_it(model, capsys):
    assert (model / "model.weights.h5").is_file()
    capsys.readouterr()
    assert main(["runs"]) == 0
    printed = capsys.readouterr().out
    assert "tiny" in printed
    assert "finished" in printed
    assert main(["train", "--resume", "tiny"]) == 0


def test_runs_without_any_says_how_to_begin(capsys):
    assert main(["runs"]) == 0
    assert "python -m unet train" in capsys.readouterr().out


def test_predict_writes_all_files_and_goes_past_a_broken_image(model, images, tmp_path, capsys):
    output = tmp_path / "results"
    arguments = ["predict", "--model", str(model), "--input", str(images), "--output", str(output)]
    assert main([*arguments, "--threshold", "0.3"]) == 1
    assert "broken.jpg" in capsys.readouterr().err
    with (output / "summary.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3
    assert sum(bool(row["error"]) for row in rows) == 1
    for row in rows:
        if row["error"]:
            continue
        probability = tifffile.imread(output / f"{row['stem']}_probability.tif")
        mask = np.asarray(Image.open(output / f"{row['stem']}_mask.png"))
        labels = tifffile.imread(output / f"{row['stem']}_labels.tif")
        assert probability.dtype == np.float32
        assert labels.dtype in (np.uint16, np.uint32)
        assert probability.shape == mask.shape == labels.shape == (40, 70)
        np.testing.assert_array_equal(mask, np.where(probability > 0.3, 255, 0))
        np.testing.assert_array_equal(labels > 0, mask > 0)
        assert int(row["count"]) == labels.max()


def test_predict_takes_one_image_and_the_models_own_threshold(model, images, tmp_path):
    output = tmp_path / "one"
    assert main(["predict", "--model", str(model), "--input", str(images / "cells.png"), "--output", str(output)]) == 0
    assert sorted(path.name for path in output.iterdir()) == [
        "cells_labels.tif",
        "cells_mask.png",
        "cells_probability.tif",
        "manifest.json",
        "summary.csv",
    ]


def test_predict_writes_what_is_asked_for(model, images, tmp_path):
    output = tmp_path / "all"
    arguments = ["predict", "--model", "run:tiny", "--input", str(images / "cells.png"), "--output", str(output)]
    assert main([*arguments, "--export", "measurements", "geojson", "coco", "--pixel-size", "0.5"]) == 0
    names = {path.name for path in output.iterdir()}
    assert names == {"cells_measurements.csv", "cells.geojson", "coco.json", "manifest.json", "summary.csv"}
    with (output / "cells_measurements.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert all(float(row["area_um2"]) == int(row["area"]) / 4 for row in rows)
    manifest = json.loads((output / "manifest.json").read_text())
    assert manifest["images"][0]["objects"] == len(rows)
    assert "--export measurements geojson coco" in manifest["command"]


def test_predict_keeps_what_lies_in_a_range_and_prepares_images(model, images, tmp_path):
    arguments = ["predict", "--model", str(model), "--input", str(images / "cells.png"), "--threshold", "0.5"]
    found = []
    for name, flags in (("all", []), ("kept", ["--keep", "area:0:3"]), ("inverted", ["--invert", "--scale", "0.5"])):
        output = tmp_path / name
        assert main([*arguments, *flags, "--output", str(output), "--export", "labels"]) == 0
        found.append(tifffile.imread(output / "cells_labels.tif"))
    every, kept, inverted = found
    areas = np.bincount(every.ravel())[1:]
    assert len(np.unique(kept)) - 1 == (areas <= 3).sum()
    assert (inverted != every).any()


@pytest.mark.parametrize(
    ("wrong", "code"), [(["--keep", "colour:1:2"], 2), (["--scale", "0"], 2), (["--model", "run:none"], 1)]
)
def test_predict_says_what_cannot_be(model, images, tmp_path, capsys, wrong, code):
    arguments = [
        "predict",
        "--model",
        str(model),
        "--input",
        str(images / "cells.png"),
        "--output",
        str(tmp_path / "a"),
    ]
    assert main([*arguments, *wrong]) == code
    assert "error" in capsys.readouterr().err


def test_predict_counts_by_the_regions_of_a_file(model, images, tmp_path):
    left = [[0, 0], [35, 0], [35, 40], [0, 40], [0, 0]]
    everything = [[0, 0], [70, 0], [70, 40], [0, 40], [0, 0]]
    shapes = [{"type": "Polygon", "coordinates": [ring]} for ring in (left, everything)]
    file = tmp_path / "regions.geojson"
    features = [{"type": "Feature", "geometry": shape, "properties": {"name": f"R{len(shape)}"}} for shape in shapes]
    file.write_text(json.dumps({"type": "FeatureCollection", "features": features}))
    arguments = ["predict", "--model", str(model), "--input", str(images / "cells.png"), "--threshold", "0.3"]
    assert main([*arguments, "--regions", str(file), "--output", str(tmp_path / "by")]) == 0
    with (tmp_path / "by" / "regions.csv").open(newline="") as table:
        left_row, all_row = csv.DictReader(table)
    labels = tifffile.imread(tmp_path / "by" / "cells_labels.tif")
    assert int(all_row["nuclei"]) == labels.max()
    assert int(left_row["nuclei"]) <= int(all_row["nuclei"])
    manifest = json.loads((tmp_path / "by" / "manifest.json").read_text())
    assert "--regions" in manifest["command"]
    assert len(manifest["images"][0]["regions"]) == 2
    file.write_text(json.dumps({"type": "Polygon", "coordinates": [[[65, 35], [70, 35], [70, 40]]]}))
    outside = ["--regions", str(file), "--keep", "regions:1:1000", "--output", str(tmp_path / "kept")]
    assert main([*arguments, *outside]) == 0
    assert tifffile.imread(tmp_path / "kept" / "cells_labels.tif").max() <= labels.max()
    assert main([*arguments, "--regions", str(tmp_path / "none.geojson"), "--output", str(tmp_path / "no")]) == 1


def test_predict_takes_a_folder_in_the_tutorials_layout(model, tutorial_folder, tmp_path):
    output = tmp_path / "results"
    arguments = ["predict", "--model", str(model), "--input", str(tutorial_folder), "--output", str(output)]
    assert main(arguments) == 0
    assert len(list(output.glob("*_labels.tif"))) == 6


def test_predict_without_images_says_so(tmp_path, capsys):
    assert main(["predict", "--input", str(tmp_path / "none"), "--output", str(tmp_path / "results")]) == 1
    assert "none" in capsys.readouterr().err
    assert not (tmp_path / "results").exists()


def test_evaluate_prints_dice_and_iou_and_writes_json(model, tutorial_folder, tmp_path, capsys):
    scores = tmp_path / "scores.json"
    arguments = ["evaluate", str(tutorial_folder), "--model", str(model), "--json", str(scores)]
    assert main(arguments) == 0
    printed = capsys.readouterr().out
    assert "Dice" in printed
    assert "IoU" in printed
    data = json.loads(scores.read_text())
    assert len(data["images"]) == 6
    assert 0 <= data["scores"]["iou"] <= data["scores"]["dice"] <= 1
    assert main([*arguments, "--run", "tiny"]) == 0
    assert len(json.loads(scores.read_text())["images"]) == 1


def test_every_configuration_field_has_a_flag():
    text = make_parser()._subparsers._group_actions[0].choices["train"].format_help()
    for flag in ("--learning-rate", "--no-flips", "--validation-fraction", "--normalization", "--input-size"):
        assert flag in text
