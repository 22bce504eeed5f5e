"""What can be made again stays within its bounds, and what is in use stays."""

from __future__ import annotations

import io
import os
import threading
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from filelock import FileLock
from hypothesis import HealthCheck, given, strategies
from hypothesis import settings as hypothesis_settings

from studio.predict.uploads import find_uploads, keep_uploads
from tests.factories import write_tutorial
from unet.config import preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.runs.pruning import IN_USE, mark_used, prune
from unet.runs.record import write_state
from unet.runs.state import RunState
from unet.settings import MB, Settings
from unet.training.inputs.resized import prepare

HOUR, DAY = 3600, 24 * 3600


def keep(folder: Path, name: str, size: int, age: float) -> Path:
    """Write a file that was used some seconds ago."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(bytes(size))
    return aged(path, age)


def aged(path: Path, age: float) -> Path:
    os.utime(path, (time.time() - age,) * 2)
    return path


@pytest.fixture
def prepared(settings, tmp_path):
    """Arrays that a training has prepared, of a dataset with a run, a day ago."""
    dataset = add_folder(write_tutorial(tmp_path / "cells"), settings)
    config = preset("tutorial").replace(input_size=(32, 32), filters=(4, 8), dropout=0.1)
    prepare(dataset, inspect_dataset(dataset, settings), config.model, settings)
    (folder,) = (dataset.folder / "prepared").glob("[!.]*")
    return dataset, config, aged(folder, DAY)


def test_what_was_not_used_for_long_goes(settings):
    days = settings.cache_days * DAY
    old = [keep(settings.cache / each, "old", 10, days + HOUR) for each in ("uploads", "exports", "evaluations")]
    young = [keep(settings.cache / each, "young", 10, days - HOUR) for each in ("uploads", "exports", "evaluations")]
    assert prune(settings) == 30
    assert not any(path.exists() for path in old) and all(path.exists() for path in young)
    assert prune(settings) == 0


def test_the_oldest_go_until_the_others_fit(settings):
    paths = [keep(settings.uploads, str(hours), MB // 2, hours * HOUR) for hours in (5, 4, 3, 2)]
    assert prune(replace(settings, max_cache_mb=1)) == MB
    assert [path.exists() for path in paths] == [False, False, True, True]


def test_what_was_used_within_the_hour_stays_whatever_it_takes(settings):
    small = replace(settings, max_cache_mb=1)
    path = keep(settings.uploads, "large", 3 * MB, IN_USE - 60)
    assert prune(small) == 0 and path.exists()
    aged(path, IN_USE + 60)
    assert prune(small) == 3 * MB


def test_a_set_that_is_looked_at_stays(settings):
    small = replace(settings, max_cache_mb=1)
    key = keep_uploads([("a.png", io.BytesIO(bytes(MB))), ("b.png", io.BytesIO(b"b" * MB))], settings)
    for path in settings.uploads.iterdir():
        aged(path, DAY)
    find_uploads(key, settings)
    assert prune(small) == 0
    assert [each.name for each in find_uploads(key, settings)[0]] == ["a.png", "b.png"]


def test_nothing_but_what_can_be_had_again_is_looked_at(settings, make_run):
    run = make_run()
    others = [
        keep(settings.models / "mine", "model.json", 10, 400 * DAY),
        keep(settings.home / "corrections", "list", 10, 400 * DAY),
        keep(settings.uploads, ".lock", 10, 400 * DAY),
        aged(run.folder / "run.json", 400 * DAY),
    ]
    prune(replace(settings, max_cache_mb=1))
    assert all(path.exists() for path in others)
    assert list(settings.datasets.glob("*/*.json"))


def test_prepared_arrays_go_with_age_and_are_made_again(settings, prepared):
    dataset, config, folder = prepared
    assert prune(settings) == 0
    aged(folder, (settings.cache_days + 1) * DAY)
    assert prune(settings) > 0
    assert not folder.exists() and not list(folder.parent.iterdir())
    prepare(dataset, inspect_dataset(dataset, settings), config.model, settings)
    assert folder.exists()


def test_whoever_prepares_again_says_that_it_is_used(settings, prepared):
    dataset, config, folder = prepared
    aged(folder, (settings.cache_days + 1) * DAY)
    prepare(dataset, inspect_dataset(dataset, settings), config.model, settings)
    assert prune(settings) == 0 and folder.exists()


@pytest.mark.parametrize(("status", "stays"), [("running", True), ("stopped", False), ("finished", False)])
def test_what_a_training_under_way_needs_stays(settings, prepared, status, stays):
    from unet.training.create import create_run

    dataset, config, folder = prepared
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "a")
    write_state(run, RunState(status=status, updated=time.time()))
    aged(folder, 400 * DAY)
    prune(settings)
    assert folder.exists() is stays


def test_what_is_being_made_is_left_alone(settings, prepared):
    dataset, _, folder = prepared
    aged(folder, 400 * DAY)
    with FileLock(dataset.folder / ".lock"):
        assert prune(settings) == 0
    assert prune(settings) > 0


def test_a_damaged_run_is_no_reason_to_stop(settings, prepared, make_run):
    run = make_run()
    (run.folder / "run.json").write_text("{")
    aged(prepared[2], 400 * DAY)
    assert prune(settings) > 0


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(
    files=strategies.lists(
        strategies.tuples(strategies.integers(0, MB), strategies.integers(0, 60 * DAY)), max_size=12
    ),
    most=strategies.integers(1, 4),
)
def test_the_bounds_hold_whatever_lies_there(tmp_path_factory, files, most):
    settings = Settings(home=tmp_path_factory.mktemp("home"), max_cache_mb=most)
    paths = {keep(settings.uploads, str(n), *each): each for n, each in enumerate(files)}
    prune(settings)
    left = [each for path, each in paths.items() if path.exists()]
    free = [size for size, age in left if age > IN_USE]
    assert all(age <= settings.cache_days * DAY for _, age in left)
    assert all(path.exists() for path, (_, age) in paths.items() if age < IN_USE - 60)
    assert not free or sum(size for size, _ in left) <= most * MB


def test_many_at_once_and_a_page_that_uses_what_is_old(settings):
    """Servers may share a folder, and a page may take up an image in the very moment."""
    small = replace(settings, max_cache_mb=1, cache_days=1)
    paths = [keep(settings.uploads, f"{n:032x}", 1000, (2 + n) * DAY) for n in range(200)]
    used = paths[::3]
    for path in used:
        mark_used(path)
    problems: list[Exception] = []

    def work() -> None:
        try:
            prune(small)
        except Exception as problem:
            problems.append(problem)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not problems
    assert [path for path in paths if path.exists()] == used


def test_a_mapped_array_lives_on_when_its_file_goes(settings, prepared):
    """What a run has open does not need its name any more."""
    _, _, folder = prepared
    file = next(iter(folder.glob("*.npy")))
    mapped = np.load(file, mmap_mode="r")
    before = mapped.sum()
    aged(folder, 400 * DAY)
    assert prune(settings) > 0 and not file.exists()
    assert mapped.sum() == before
