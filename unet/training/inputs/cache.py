"""Arrays made once of a dataset's usable samples, kept on disk and only mapped: what both kinds of input share."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from unet.datasets.inspection import read_labels, require_usable
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.digest import digest_of
from unet.errors import DatasetError
from unet.files import atomic_folder, recover_folder
from unet.io.images import read_image, room_to_work_on
from unet.parallel import map_files
from unet.runs.pruning import mark_used
from unet.settings import Settings

Progress = Callable[[int, int], None]


def prepared_folder(
    dataset: Dataset, report: DatasetReport, kind: Sequence[Any], options: Sequence[Any], write: Callable[[Path], None]
) -> Path:
    """Return the folder of arrays made from the usable samples; it is written if nobody has done so before.

    Parameters
    ----------
    dataset, report
        What the arrays are made of: its content is part of the folder's key.
    kind, options : sequence
        What else the arrays depend on, as JSON types: the way of preparing with its version, and the model's options.
    write : callable
        Takes the folder to write the arrays into.

    Raises
    ------
    DatasetError
        If there is too little to train on, or the dataset's files have changed.
    """
    require_usable(report, fewest=1)  # a training that starts from a model may have one
    dataset.check()
    used = [(sample.id, sample.values) for sample in report.usable]
    content = json.dumps([*kind, report.fingerprint, used, *options])
    folder = dataset.folder / "prepared" / digest_of(content.encode(), 10)
    with FileLock(dataset.folder / ".lock"):
        recover_folder(folder)
        if not folder.exists():
            with atomic_folder(folder) as temporary:
                write(temporary)
        mark_used(folder)
    return folder


def for_each_sample(
    dataset: Dataset,
    samples: Sequence[SampleReport],
    store: Callable[[int, np.ndarray, np.ndarray], None],
    settings: Settings,
    progress: Progress | None,
) -> None:
    """Read all samples, a few at a time, and hand each one over.

    Parameters
    ----------
    dataset : Dataset
    samples : sequence of SampleReport
    store : callable
        Takes a sample's place, its image as ``read_image`` gives it, and its label map (height, width).
    settings : Settings
        Its limit on image size holds.
    progress : callable, optional
        Takes the number of samples done and their total.
    """
    files = {sample.id: sample.image for sample in dataset.samples()}
    largest = settings.max_image_megapixels

    def one(row: int) -> None:
        sample = samples[row]
        with room_to_work_on(files[sample.id], max_megapixels=largest):
            store(row, read_image(files[sample.id], max_megapixels=largest), read_labels(dataset, sample.id))

    map_files(one, range(len(samples)), progress)


def new_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Make an array file and claim its room: a mapped file that meets a full disk later would kill the process."""
    array = np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
    needed = path.stat().st_size
    try:
        if shutil.disk_usage(path.parent).free < needed:
            raise OSError
        if hasattr(os, "posix_fallocate"):
            with path.open("r+b") as file:
                os.posix_fallocate(file.fileno(), 0, needed)
    except OSError as error:
        raise DatasetError(
            f"Preparing the images needs {max(1, needed / 1e6):.0f} MB in {path.parents[2]}, and the disk has no room "
            "for it; free some, or choose a smaller input_size."
        ) from error
    return array
