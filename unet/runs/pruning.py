"""What can be made or uploaded again, kept within a bound of size and of age; never what is in use."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from unet.errors import UnetError
from unet.files import OWN, own_prefix
from unet.runs.run import list_runs
from unet.settings import MB, Settings

# Seconds: whatever was used in this time counts as in use, a page that somebody left open included.
IN_USE = 3600
DAY = 24 * 3600
LOCKS = (".lock", "lock")


@dataclass(frozen=True)
class _Kept:
    path: Path
    bytes: int
    used: float
    lock: Path | None = None


def prune(settings: Settings) -> int:
    """Remove uploads, exports, scores and prepared arrays not used for long, and the oldest if all are too much.

    Prepared arrays of a dataset that is trained on stay, and what was used in the last hour. A run that goes on makes
    its arrays again; datasets, runs, models and corrections are nobody's but their owners' to delete.

    Returns
    -------
    int
        Bytes that were removed.
    """
    now, room, removed = time.time(), settings.max_cache_mb * MB, 0
    for kept in sorted(_all_kept(settings), key=lambda each: each.used, reverse=True):
        room -= kept.bytes
        age = now - kept.used
        if age > IN_USE and (room < 0 or age > settings.cache_days * DAY) and _remove(kept):
            room += kept.bytes
            removed += kept.bytes
    return removed


def mark_used(path: Path) -> None:
    """Say that a file or folder is in use."""
    with suppress(OSError):
        os.utime(path)


def _all_kept(settings: Settings) -> Iterator[_Kept]:
    for folder in (settings.uploads, *(settings.cache / name for name in ("exports", "evaluations", "steps"))):
        for path in folder.glob("*"):
            with suppress(OSError):
                if path.is_file() and path.name not in LOCKS and not OWN.match(path.name):
                    yield _Kept(path, path.stat().st_size, path.stat().st_mtime)
    # Tables of plates that the page predicted, a folder each.
    for path in (settings.cache / "plates").glob("*"):
        with suppress(OSError):
            if path.is_dir() and not OWN.match(path.name):
                size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                yield _Kept(path, size, path.stat().st_mtime)
    trained_on = _trained_on(settings)
    for path in settings.datasets.glob("*/prepared/*"):
        dataset = path.parents[1]
        with suppress(OSError):
            if path.is_dir() and not OWN.match(path.name) and dataset.name not in trained_on:
                size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
                yield _Kept(path, size, path.stat().st_mtime, dataset / ".lock")


def _trained_on(settings: Settings) -> set[str]:
    """Return the ids of the datasets that are being trained on."""
    found = set()
    for run in list_runs(settings):
        with suppress(UnetError):
            if run.state().active:
                found.add(run.info().dataset["id"])
    return found


def _remove(kept: _Kept) -> bool:
    """Remove something, unless somebody has used it since it was looked at, or is making such things now."""
    try:
        with FileLock(kept.lock, timeout=0) if kept.lock else nullcontext():
            if kept.path.stat().st_mtime != kept.used:
                return False
            # Under a name that is swept: what is left of a folder after a kill must not be taken for all of it.
            gone = kept.path.with_name(f"{own_prefix()}{kept.path.name}")
            kept.path.rename(gone)
        if gone.is_dir():
            shutil.rmtree(gone, ignore_errors=True)
        else:
            gone.unlink()
        return True
    except (OSError, Timeout):
        return False
