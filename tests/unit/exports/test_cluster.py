"""A batch on workers gives what one process gives, whatever happens to them."""

from __future__ import annotations

import dataclasses
import os
import random
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from tests.factories import draw_discs
from unet.errors import ConfigError
from unet.exports.batch import predict_planes
from unet.exports.cluster import connected, on_cluster
from unet.exports.work import Job
from unet.io.planes import find_planes
from unet.models.metadata import read_info
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions
from unet.settings import DEFAULT_MODEL

TIMED = ("summary.csv", "manifest.json")


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> list[str]:
    """Images of several sizes, a stack, and one that is broken."""
    folder = tmp_path_factory.mktemp("images")
    for number in range(5):
        Image.fromarray(draw_discs(6, (90 + 10 * number, 120), number)[0]).save(folder / f"{number}.png")
    stack = np.stack([draw_discs(6, (80, 96), 9)[0][..., 0]] * 2)
    tifffile.imwrite(folder / "stack.tif", stack, imagej=True, metadata={"axes": "ZYX"})
    (folder / "broken.png").write_bytes(b"no image")
    return [str(path) for path in sorted(folder.iterdir())]


def job_into(output: Path, settings) -> Job:
    info = read_info(DEFAULT_MODEL)
    decisions = Decisions(info, info.threshold, info.separation)
    return Job(output, settings, decisions, ("labels", "probability", "nuclei", "coco", "rle"), link=True)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.name not in TIMED}


@pytest.fixture(scope="module")
def alone(images, tmp_path_factory):
    """What one process makes of them."""
    from unet.settings import Settings

    folder = tmp_path_factory.mktemp("alone")
    job = job_into(folder / "results", Settings(home=folder / "home"))
    rows = predict_planes(Predictor.open(DEFAULT_MODEL), find_planes(images, "all"), job)
    return [dataclasses.replace(row, seconds=0) for row in rows], contents(job.output)


@pytest.mark.parametrize("workers", [1, 2])
def test_results_are_equal_to_the_bit(images, alone, tmp_path, settings, workers):
    job = job_into(tmp_path / "results", settings)
    done = []
    with connected(None, workers) as client:
        each = on_cluster(client, DEFAULT_MODEL)
        planes = find_planes(images, "all")
        rows = predict_planes(
            Predictor.open(DEFAULT_MODEL), planes, job, each=each, progress=lambda *step: done.append(step)
        )
    assert [dataclasses.replace(row, seconds=0) for row in rows] == alone[0]
    assert contents(job.output) == alone[1]
    assert done == [(number, len(planes)) for number in range(1, len(planes) + 1)]
    assert [row.stem for row in rows if row.error] == ["broken"]


def test_a_killed_worker_changes_nothing(images, alone, tmp_path, settings):
    job = job_into(tmp_path / "results", settings)
    with connected(None, 2) as client:
        pids = list(client.run(os.getpid).values())
        victim = threading.Timer(0.5, os.kill, (random.Random(0).choice(pids), signal.SIGKILL))
        victim.start()
        each = on_cluster(client, DEFAULT_MODEL)
        rows = predict_planes(Predictor.open(DEFAULT_MODEL), find_planes(images, "all"), job, each=each)
        victim.join()
        for _ in range(100):
            if set(client.run(os.getpid).values()) - set(pids):
                break
            time.sleep(0.1)
        assert set(client.run(os.getpid).values()) - set(pids), "nobody was killed"
    assert [dataclasses.replace(row, seconds=0) for row in rows] == alone[0]
    assert contents(job.output) == alone[1]


def test_where_nobody_answers_it_is_said():
    with (
        pytest.raises(ConfigError, match=r"No scheduler of Dask answers at tcp://127\.0\.0\.1:9"),
        connected("tcp://127.0.0.1:9", 0),
    ):
        pass
