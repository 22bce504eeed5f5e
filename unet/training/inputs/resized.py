"""All usable samples of a dataset as two arrays at the network's size, on disk: made once, then only mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unet.config import ModelConfig
from unet.datasets.finished import known
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.files import read_json, write_json
from unet.preprocess.normalize import normalize
from unet.preprocess.resize import resize_classes, resize_image, resize_mask
from unet.settings import Settings
from unet.training.inputs.cache import Progress, for_each_sample, new_array, prepared_folder

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
    progress: Progress | None = None,
) -> Prepared:
    """Resize all usable samples to the network's size, or take what an earlier call with the same content left.

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
    samples = report.usable
    folder = prepared_folder(
        dataset,
        report,
        [VERSION],
        [model.input_size, model.channels, model.classes, *([model.intensity] if model.intensity != "stored" else [])],
        lambda temporary: _write(temporary, dataset, samples, model, settings, progress),
    )
    return Prepared(
        ids=read_json(folder / "ids.json"),
        images=np.load(folder / "images.npy", mmap_mode="r"),
        masks=np.load(folder / "masks.npy", mmap_mode="r"),
    )


def _write(
    folder: Path,
    dataset: Dataset,
    samples: list[SampleReport],
    model: ModelConfig,
    settings: Settings,
    progress: Progress | None,
) -> None:
    images = new_array(folder / "images.npy", (len(samples), *model.input_size, model.channels))
    masks = new_array(folder / "masks.npy", (len(samples), *model.input_size))

    def fill(row: int, image: np.ndarray, labels: np.ndarray) -> None:
        images[row] = resize_image(normalize(image, model), model.input_size)
        masks[row] = _mask(labels, samples[row], model)

    for_each_sample(dataset, samples, fill, settings, progress)
    images.flush()
    masks.flush()
    write_json(folder / "ids.json", [sample.id for sample in samples])


def known_at_size(report: DatasetReport, ids: Sequence[str], size: tuple[int, int]) -> np.ndarray | None:
    """Return where masks are known at the network's size, (samples, height, width) uint8; None if they all are."""
    samples = {sample.id: sample for sample in report.usable}
    if not any(sample.finished for sample in samples.values()):
        return None
    masks = np.ones((len(ids), *size), np.uint8)
    for row, name in enumerate(ids):
        sample = samples[name]
        inside = known(sample.finished, (sample.height, sample.width))
        if inside is not None:
            masks[row] = resize_mask(inside, size)
    return masks


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
