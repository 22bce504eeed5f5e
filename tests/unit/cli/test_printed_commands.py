"""Every command that the app prints does, when it is run, what it stands beside."""

from __future__ import annotations

import ast
import dataclasses
import shlex
import zipfile
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.factories import draw_discs, write_pairs, zip_folder
from unet.cli.main import main
from unet.config import Separation, preset
from unet.datasets.add import add_folder, add_sample, add_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import Dataset, keep_groups
from unet.exports.batch import predict_files
from unet.exports.command import command_of
from unet.exports.formats import FORMATS
from unet.io.pixel_size import PixelSize
from unet.models.registry import find_model
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions
from unet.preprocess.adjust import ImageAdjustments
from unet.runs.run import list_runs
from unet.settings import PROJECT, Settings
from unet.training.create import create_run

TINY = {"input_size": (32, 32), "filters": (4, 8), "dropout": 0.0, "epochs": 1, "patience": 0}


def run(command: str) -> None:
    """Run a command as it is printed."""
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "unet"]
    assert main(words[3:]) == 0, command


def sample(settings: Settings, folder: Path) -> Dataset:
    return add_sample(settings)


def uploaded(settings: Settings, folder: Path) -> Dataset:
    groups = folder / "which belong together.csv"
    groups.write_text("ImageId,group\nsample00,a\nsample01,a\nsample02,b\nsample03,c")
    archive = zip_folder(write_pairs(folder / "my nuclei; 2", 4), folder / "x.zip")
    return keep_groups(add_zip(archive, settings, name="my nuclei; $HOME"), groups)


def registered(settings: Settings, folder: Path) -> Dataset:
    return add_folder(write_pairs(folder / "a folder of mine", 4), settings)


@pytest.mark.parametrize("make", [sample, uploaded, registered])
def test_a_run_is_repeated_by_its_command(settings, tmp_path, monkeypatch, make):
    dataset = make(settings, tmp_path)
    config = preset("tutorial").replace(**TINY, flips=True, validation_fraction=0.3, learning_rate=0.003)
    info = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "first").info()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    run(info.command)
    again = next(each for each in list_runs(settings) if each.name != "first")
    assert again.state().status == "finished"
    for name in ("config", "train_ids", "validation_ids", "command"):
        assert getattr(again.info(), name) == getattr(info, name), name
    assert again.info().dataset["fingerprint"] == dataset.fingerprint


def content(path: Path) -> object:
    """Return what a file holds, without the times that a zip notes of its members."""
    if path.suffix != ".zip":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"threshold": 0.31, "ranges": {"area": (30.0, 400.0), "circularity": (0.5, 1.0)}},
        {"preparation": ImageAdjustments(channels=(2,), invert=True, scale=1.5)},
        {"separation": Separation(separate=False, min_area=25, fill_holes=True, clear_edge=True)},
    ],
    ids=["as it is", "kept", "prepared", "connected"],
)
def test_results_are_repeated_by_their_command(settings, tmp_path, monkeypatch, changes):
    monkeypatch.chdir(tmp_path)
    Path("IMAGES").mkdir()
    pages = np.stack([draw_discs(5, (40, 56), seed=seed)[0] for seed in (1, 2)])
    tifffile.imwrite("IMAGES/stack.tif", pages, photometric="rgb")
    Image.fromarray(draw_discs(5, (40, 56), seed=3)[0]).save("IMAGES/-e.png")
    entry = find_model("nuclei", settings)
    decisions = Decisions(entry.info, 0.5, entry.info.separation, model=entry.key)
    decisions = dataclasses.replace(decisions, **changes)
    images = sorted(Path("IMAGES").iterdir())
    size = PixelSize(0.25, 0.25)
    predictor = Predictor.open(entry.folder)
    predict_files(predictor, images, Path("before"), settings, decisions=decisions, formats=FORMATS, pixel_size=size)
    run(command_of(decisions, list(FORMATS), [0], size))
    tables = ("summary.csv", "manifest.json")
    for path in Path("before").iterdir():
        if path.name not in tables:  # which hold times
            assert content(Path("RESULTS") / path.name) == content(path), path.name
    assert {path.name for path in Path("RESULTS").iterdir()} == {path.name for path in Path("before").iterdir()}


def test_the_app_prints_no_other_commands():
    printed = set()
    for path in sorted((PROJECT / "studio").rglob("*.py")) + sorted((PROJECT / "pages").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(".code") and "bash" in ast.unparse(node):
                printed.add((path.name, ast.unparse(node.args[0])))
    # TensorBoard's command, in side_by_side.py, is another program's: tests/unit/runs/test_compare.py.
    assert printed == {("run_view.py", "info.command"), ("export_menu.py", "command")}
