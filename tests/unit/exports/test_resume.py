"""A batch that was interrupted goes on where it was, and leaves no half file."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from PIL import Image

from tests.factories import draw_discs
from unet.exports.batch import predict_planes
from unet.exports.work import Job
from unet.io.planes import find_planes
from unet.models.metadata import read_info
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions
from unet.settings import DEFAULT_MODEL, PROJECT

TIMED = ("summary.csv", "manifest.json")


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in TIMED}


@pytest.fixture
def images(tmp_path):
    (tmp_path / "images").mkdir()
    for number in range(4):
        Image.fromarray(draw_discs(5, (80, 96), number)[0]).save(tmp_path / "images" / f"{number}.png")
    return [str(path) for path in sorted((tmp_path / "images").iterdir())]


def test_what_is_done_is_not_done_again_and_the_results_are_the_same(images, tmp_path, settings):
    info = read_info(DEFAULT_MODEL)
    formats = ("labels", "nuclei", "coco", "rle", "measurements")
    job = Job(tmp_path / "whole", settings, Decisions(info, info.threshold, info.separation), formats)
    predictor, planes = Predictor.open(DEFAULT_MODEL), find_planes(images)
    rows = predict_planes(predictor, planes, job, model_folder=DEFAULT_MODEL)

    job = dataclasses.replace(job, output=tmp_path / "interrupted")

    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_planes(predictor, planes, job, model_folder=DEFAULT_MODEL, progress=stop)
    first = (job.output / "0_labels.tif").stat().st_mtime_ns
    Image.open(images[1]).save(images[1])  # another time of change: it is done again
    second = (job.output / "1_labels.tif").stat().st_mtime_ns
    again = predict_planes(predictor, planes, job, model_folder=DEFAULT_MODEL)
    assert (job.output / "0_labels.tif").stat().st_mtime_ns == first
    assert (job.output / "1_labels.tif").stat().st_mtime_ns > second
    timeless = [[dataclasses.replace(row, seconds=0) for row in each] for each in (again, rows)]
    assert timeless[0] == timeless[1]
    assert contents(job.output) == contents(tmp_path / "whole")


def test_of_other_decisions_nothing_is_taken(images, tmp_path, settings):
    info = read_info(DEFAULT_MODEL)
    job = Job(tmp_path / "results", settings, Decisions(info, 0.4, info.separation), ("nuclei",))
    predictor, planes = Predictor.open(DEFAULT_MODEL), find_planes(images)

    counted: list[int] = []

    def count(done: int, total: int) -> None:
        counted.append(done)
        if len(counted) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        predict_planes(predictor, planes, job, model_folder=DEFAULT_MODEL, progress=count)
    strict = dataclasses.replace(job, decisions=dataclasses.replace(job.decisions, threshold=0.9))
    rows = predict_planes(predictor, planes, strict, model_folder=DEFAULT_MODEL)
    assert {row.threshold for row in rows} == {0.9}


@pytest.mark.parametrize("workers", [(), ("--workers", "1")], ids=["alone", "workers"])
def test_ctrl_c_leaves_no_half_file(images, tmp_path, workers):
    for number in range(4, 30):
        Image.fromarray(draw_discs(5, (200, 240), number)[0]).save(tmp_path / "images" / f"{number}.png")
    output = tmp_path / "results"
    command = [sys.executable, "-m", "unet", "predict", "--input", str(tmp_path / "images"), "--output", str(output)]
    environment = {**os.environ, "UNET_HOME": str(tmp_path / "home")}
    process = subprocess.Popen([*command, *workers], cwd=PROJECT, env=environment, stderr=subprocess.PIPE)
    for _ in range(600):
        if list(output.glob("*_labels.tif")) or process.poll() is not None:
            break
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"interrupted" in said
    names = {path.name for path in output.iterdir()} - {".unfinished"}
    assert all(name.endswith((".tif", ".png")) for name in names), names
    assert not [name for name in names if name.startswith(".")]
