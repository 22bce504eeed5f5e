"""Nuclei that other programs found, scored on the same images as a model's."""

from __future__ import annotations

import json

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.factories import write_pairs
from unet.cli.main import main
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.errors import DatasetError
from unet.evaluation.others import evaluate_labels
from unet.evaluation.scores import count


@pytest.fixture
def labelled(tmp_path, settings):
    dataset = add_folder(write_pairs(tmp_path / "data", count=4), settings)
    report = inspect_dataset(dataset, settings)
    (tmp_path / "theirs").mkdir()
    return dataset, report, tmp_path / "theirs"


def test_masks_themselves_score_1_in_whatever_format_they_come(labelled):
    dataset, report, folder = labelled
    first, second, third, fourth = (sample.id for sample in report.usable)
    tifffile.imwrite(folder / f"{first}.tif", read_labels(dataset, first).astype(np.uint16) * 7)
    Image.fromarray(read_labels(dataset, second).astype(np.uint8)).save(folder / f"{second}_cp_masks.png")
    tifffile.imwrite(folder / f"{third}_labels.tif", np.zeros_like(read_labels(dataset, third)))
    steps = []
    found, problems = evaluate_labels(folder, dataset, report, progress=lambda *step: steps.append(step))
    assert [image.id for image in found.images] == [first, second, third]
    assert steps == [(number, 4) for number in range(1, 5)]
    assert [row["competition"] for row in sorted(found.rows(), key=lambda row: row["id"])] == [1, 1, 0]
    (problem,) = problems
    assert problem.startswith(f"{fourth}.png needs one file of its name")
    assert found.only([first]).scores().competition == 1


def test_a_shifted_map_scores_what_its_overlaps_say(labelled):
    dataset, report, folder = labelled
    sample = report.usable[0].id
    truth = read_labels(dataset, sample)
    shifted = np.roll(truth, 2, axis=1)
    tifffile.imwrite(folder / f"{sample}.tif", shifted.astype(np.uint16))
    found, _ = evaluate_labels(folder, dataset, report, ids=[sample])
    assert found.counts == ((count(truth, shifted),),)
    assert 0 < found.scores().dice < 1


def test_nothing_to_compare_is_said_with_the_reason(labelled):
    dataset, report, folder = labelled
    with pytest.raises(DatasetError, match="needs one file of its name with nuclei"):
        evaluate_labels(folder, dataset, report)
    for sample in report.usable:
        tifffile.imwrite(folder / f"{sample.id}.tif", np.ones((3, 4), np.uint8))
    with pytest.raises(DatasetError, match="is 4 x 3 pixels, but its image is 64 x 48"):
        evaluate_labels(folder, dataset, report)


def test_the_command_compares_ours_and_theirs_on_the_same_images(labelled, tmp_path, capsys):
    dataset, report, folder = labelled
    for sample in report.usable[:3]:
        tifffile.imwrite(folder / f"{sample.id}.tif", read_labels(dataset, sample.id).astype(np.uint16))
    written = tmp_path / "scores.json"
    assert main(["evaluate", dataset.id, "--labels", str(folder), "--json", str(written)]) == 1
    printed = capsys.readouterr()
    assert printed.err.count("error: ") == 1
    theirs = next(line for line in printed.out.splitlines() if line.startswith("theirs"))
    assert theirs.split()[1] == "3"
    assert theirs.split()[4:12] == ["1.0000"] * 8
    both = json.loads(written.read_text())
    assert both["images"] == both["labels"]["images"]
    assert both["labels"]["scores"]["competition"] == 1
