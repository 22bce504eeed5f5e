"""All usable samples of a dataset as two arrays at the network's size, on disk: made once, then only mapped."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
from filelock import FileLock

from unet.config import ModelConfig
from unet.datasets.inspection import read_labels, require_usable
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.files import atomic_folder, read_json, recover_folder, write_json
from unet.io.images import read_image, room_to_work_on
from unet.preprocess.normalize import normalize
from unet.preprocess.resize import resize_classes, resize_image, resize_mask
from unet.settings import Settings
from unet.threads import map_files

# Raised whenever the same files would give other arrays.
VERSION = 1


@dataclass(frozen=True)
class Prepared:
    """Images and masks ready for the network.

    Attributes
    ----------
    ids : list of str
        Which sample each row is.
    images : (samples, height, width, channels) uint8
    masks : (samples, height, width) uint8
        0 or 1, or class indices.
    """

    ids: list[str]
    images: np.ndarray
    masks: np.ndarray


def prepare(
    dataset: Dataset,
    report: DatasetReport,
    model: ModelConfig,
    settings: Settings,
    progress: Callable[[int, int], None] | None = None,
) -> Prepared:
    """Bring all usable samples to the network's size, or take what an earlier call with the same content left.

    Images are shrunk smoothly. A pixel of a mask is nucleus where nuclei cover at least half of it, so nuclei are
    neither fattened nor thinned; class indices are taken from the nearest pixel. Only a few images are in memory at a
    time, and the arrays are mapped from disk.

    Parameters
    ----------
    dataset : Dataset
    report : DatasetReport
        Of ``inspect_dataset``.
    model : ModelConfig
        Its input size, channels and classes are what counts.
    settings : Settings
    progress : callable, optional
        Takes the number of samples done and their total.

    Raises
    ------
    DatasetError
        If there is too little to train on, a mask holds a class that the model does not have, the dataset's files have
        changed, or there is no room on the disk.
    """
    require_usable(report)
    dataset.check()
    samples = report.usable
    folder = dataset.folder / "prepared" / _key(report, model)
    with FileLock(dataset.folder / ".lock"):
        recover_folder(folder)
        if not folder.exists():
            with atomic_folder(folder) as temporary:
                _write(temporary, dataset, samples, model, settings, progress)
    return Prepared(
        ids=read_json(folder / "ids.json"),
        images=np.load(folder / "images.npy", mmap_mode="r"),
        masks=np.load(folder / "masks.npy", mmap_mode="r"),
    )


def _key(report: DatasetReport, model: ModelConfig) -> str:
    used = [(sample.id, sample.values) for sample in report.usable]
    content = [VERSION, report.fingerprint, used, model.input_size, model.channels, model.classes]
    content += [model.intensity] if model.intensity != "stored" else []
    return blake2b(json.dumps(content).encode(), digest_size=10).hexdigest()


def _write(
    folder: Path,
    dataset: Dataset,
    samples: list[SampleReport],
    model: ModelConfig,
    settings: Settings,
    progress: Callable[[int, int], None] | None,
) -> None:
    files = {sample.id: sample.image for sample in dataset.samples()}
    images = new_array(folder / "images.npy", (len(samples), *model.input_size, model.channels))
    masks = new_array(folder / "masks.npy", (len(samples), *model.input_size))

    def fill(row: int) -> None:
        sample = samples[row]
        with room_to_work_on(files[sample.id], max_megapixels=settings.max_image_megapixels):
            image = read_image(files[sample.id], max_megapixels=settings.max_image_megapixels)
            images[row] = resize_image(normalize(image, model), model.input_size)
            masks[row] = _mask(read_labels(dataset, sample.id), sample, model)

    map_files(fill, range(len(samples)), progress)
    images.flush()
    masks.flush()
    write_json(folder / "ids.json", [sample.id for sample in samples])


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


def _mask(labels: np.ndarray, sample: SampleReport, model: ModelConfig) -> np.ndarray:
    """Return the (height, width) uint8 mask at the network's size."""
    if model.classes == 1:
        return resize_mask(labels > 0, model.input_size)
    if sample.values != "labels":
        return resize_classes((labels > 0).astype(np.uint8), model.input_size)
    highest = int(labels.max())
    if highest >= model.classes:
        raise DatasetError(
            f"The mask of {sample.id} holds the value {highest}; a model of {model.classes} classes knows 0 to "
            f"{model.classes - 1}. Set classes to {highest + 1}, or to 1 if the values number nuclei."
        )
    return resize_classes(labels.astype(np.uint8), model.input_size)
