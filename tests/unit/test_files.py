import os
import re
import subprocess
import sys
import time

import pytest

from unet.files import (
    OLD,
    atomic_folder,
    atomic_path,
    is_full_disk,
    is_name,
    own_prefix,
    read_json,
    recover_folder,
    sweep,
    write_json,
)


class Broken(Exception):
    pass


def test_a_failed_write_keeps_the_old_file_and_leaves_nothing(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"x": 1})
    with pytest.raises(Broken), atomic_path(path) as temporary:
        temporary.write_text("half")
        raise Broken
    assert read_json(path) == {"x": 1}
    assert [item.name for item in tmp_path.iterdir()] == ["a.json"]


def test_json_refuses_nan(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        write_json(tmp_path / "a.json", float("nan"))
    assert not list(tmp_path.iterdir())


def test_a_folder_is_replaced_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "model"
    for content in ("one", "two"):
        with atomic_folder(folder) as temporary:
            (temporary / "file").write_text(content)
    with pytest.raises(Broken), atomic_folder(folder) as temporary:
        (temporary / "file").write_text("three")
        raise Broken
    assert (folder / "file").read_text() == "two"
    assert [item.name for item in tmp_path.iterdir()] == ["model"]


def test_a_kill_between_the_renames_is_mended(tmp_path):
    folder = tmp_path / "model"
    aside = tmp_path / f"{own_prefix()}abcdefgh-model{OLD}"
    aside.mkdir()
    (aside / "file").write_text("kept")
    recover_folder(folder)
    assert (folder / "file").read_text() == "kept"
    assert not aside.exists()


KILLED = """
import os, signal, sys, tempfile
from pathlib import Path
from unet.files import atomic_folder, atomic_path, own_prefix
home = Path(sys.argv[1])
(home / "runs/a/checkpoint").mkdir(parents=True)
with (
    atomic_path(home / "runs/a/state.json") as state,
    atomic_path(home / "runs/a/checkpoint/last.npz") as checkpoint,
    atomic_folder(home / "runs/a/model") as model,
    atomic_folder(home / "datasets/d/prepared/key") as prepared,
    tempfile.TemporaryDirectory(prefix=own_prefix(), dir=home) as upload,
):
    for each in (state, checkpoint, model / "w", prepared / "images.npy", Path(upload, "x")):
        each.write_text("half")
    print("ready", flush=True)
    sys.stdin.read()
"""


def test_what_a_killed_process_leaves_is_swept_and_what_a_living_one_has_is_not(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        given = tmp_path / "datasets/d/files" / f"{own_prefix()[:-9]}00000000-mine.png"  # a user's own, so named
        given.parent.mkdir()
        given.touch()
        left = [path for path in tmp_path.rglob(".*") if path != given]
        assert len(left) == 5
        sweep(tmp_path)
        assert all(path.exists() for path in left)
        process.kill()
    sweep(tmp_path)
    assert not [path for path in left if path.exists()]
    assert given.exists()


def test_what_was_moved_aside_by_a_killed_process_comes_back(tmp_path):
    gone = re.sub(r"\.\d+-", ".999999999-", own_prefix())
    (tmp_path / "runs/a" / f"{gone}abcdefgh-model{OLD}").mkdir(parents=True)
    sweep(tmp_path)
    assert [path.name for path in (tmp_path / "runs/a").iterdir()] == ["model"]


def test_what_nobody_can_be_asked_about_goes_after_a_day(tmp_path):
    names = [".7-aaaaaaaa-bbbbbbbb-x", ".unfinished-x", ".upload-x", "zip-x"]
    for age, name in [(age, name) for age in ("old", "young") for name in names]:
        (tmp_path / (name + age)).mkdir()
        if age == "old":
            os.utime(tmp_path / (name + age), (time.time() - 48 * 3600,) * 2)
    (tmp_path / "away").symlink_to(tmp_path / "elsewhere")
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*(f"{name}young" for name in names), "away"])


def test_a_full_disk_is_known_by_whatever_says_it():
    def caused(error, cause):
        error.__cause__ = cause
        return error

    assert is_full_disk(OSError(28, "No space left on device"))
    assert is_full_disk(
        OSError("Unable to synchronously write (errno = 28, error message = 'No space left on device')")
    )
    assert is_full_disk(caused(RuntimeError("could not be kept"), OSError(122, "Disk quota exceeded")))
    assert not is_full_disk(OSError(13, "Permission denied"))
    assert not is_full_disk(MemoryError())


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../a", ".a", "x" * 300, "图" * 100, "a\0b", "a\n", "\udc80"])
def test_what_is_no_name_of_a_folder(name):
    assert not is_name(name)


@pytest.mark.parametrize("name", ["nuclei", "run-2", "tutorial-20260101-101010", "über", "a.b", "_x"])
def test_what_is_a_name_of_a_folder(name):
    assert is_name(name)
