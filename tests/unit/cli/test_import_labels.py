"""From other programs' files to a dataset to train on."""

from __future__ import annotations

import json
import shutil

import numpy as np
import tifffile

from tests.factories import draw_discs, write_pairs
from unet.cli.main import main
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset


def test_a_folder_of_images_and_one_of_nuclei_become_a_dataset(tmp_path, settings, capsys):
    write_pairs(tmp_path / "given", count=3)
    output = tmp_path / "mine"
    names = sorted((tmp_path / "given" / "images").iterdir())
    (tmp_path / "nuclei").mkdir()
    square = {"type": "Polygon", "coordinates": [[[5, 5], [20, 5], [20, 15], [5, 15]]]}
    (tmp_path / "nuclei" / f"{names[0].stem}.geojson").write_text(json.dumps(square))
    shutil.copy(tmp_path / "given" / "masks" / names[1].name, tmp_path / "nuclei" / f"{names[1].stem}_labels.png")
    (tmp_path / "nuclei" / f"{names[2].stem}.json").write_text("[")
    assert (
        main(["import-labels", str(tmp_path / "given" / "images"), str(tmp_path / "nuclei"), "--output", str(output)])
        == 1
    )
    printed = capsys.readouterr()
    assert "2 of 3 images have their nuclei now" in printed.out
    assert f"{names[2].stem}.json cannot be read" in printed.err
    expected = np.zeros((48, 64), int)
    expected[5:15, 5:20] = 1
    np.testing.assert_array_equal(tifffile.imread(output / "masks" / f"{names[0].stem}.tif"), expected)
    report = inspect_dataset(open_dataset(str(output), settings), settings)
    assert len(report.usable) == 2
    assert report.nuclei == 1 + len(np.unique(draw_discs(5, (48, 64), 1)[1])) - 1


def test_an_image_without_nuclei_is_named(tmp_path, capsys):
    write_pairs(tmp_path / "given", count=1)
    (tmp_path / "empty").mkdir()
    code = main(
        ["import-labels", str(tmp_path / "given" / "images"), str(tmp_path / "empty"), "--output", str(tmp_path / "x")]
    )
    assert code == 1
    assert "sample00.png needs one file of its name with nuclei" in capsys.readouterr().err
