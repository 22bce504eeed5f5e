"""All usable samples of a dataset at their own size, end to end in two files: made once, then only mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from unet.config import ModelConfig
from unet.datasets.samples import Box, DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.files import read_json, write_json
from unet.preprocess.normalize import kind_of, normalize
from unet.settings import Settings
from unet.training.inputs.cache import Progress, for_each_sample, new_array, prepared_folder
from unet.training.inputs.targets import make_targets

# Raised whenever the same files would give other arrays.
VERSION = 2


@dataclass(frozen=True)
class NativeSamples:
    """Images and targets of many sizes.

    Attributes
    ----------
    ids : list of str
    sizes : list of (int, int)
        Height and width of each.
    kinds : list of str
        As ``unet.preprocess.normalize.kind_of`` names them.
    pixels : (all pixels, channels) uint8
    targets : (all pixels, maps) uint8
        Mask, or mask, border and distance, 0 to 255.
    finished : sequence of tuple of Box
        The parts of each that are labelled in full; none: all of it is.
    """

    ids: list[str]
    sizes: list[tuple[int, int]]
    kinds: list[str]
    pixels: np.ndarray
    targets: np.ndarray
    finished: Sequence[tuple[Box, ...]] = ()

    @cached_property
    def _starts(self) -> np.ndarray:
        return _starts_of(self.sizes)

    def image(self, index: int) -> np.ndarray:
        """Return an image (height, width, channels), a view."""
        return self._view(self.pixels, index)

    def target(self, index: int) -> np.ndarray:
        """Return an image's targets (height, width, maps), a view."""
        return self._view(self.targets, index)

    def rectangles(self, index: int) -> tuple[Box, ...]:
        """Return the parts of an image that are labelled in full; none: all of it is."""
        return self.finished[index] if self.finished else ()

    def _view(self, array: np.ndarray, index: int) -> np.ndarray:
        start, end = self._starts[index : index + 2]
        return array[start:end].reshape(*self.sizes[index], array.shape[1])


def prepare_native(
    dataset: Dataset,
    report: DatasetReport,
    model: ModelConfig,
    settings: Settings,
    progress: Progress | None = None,
) -> NativeSamples:
    """Read all usable samples and make their targets, or take what an earlier call with the same content left.

    Only a few images are in memory at a time; the arrays take up to six bytes a pixel on disk and are mapped.

    Parameters
    ----------
    dataset, report
        As for ``unet.training.inputs.resized.prepare``.
    model : ModelConfig
        Its channels, outputs and intensity are what counts.
    settings : Settings
    progress : callable, optional
        Takes the number of samples done and their total.

    Raises
    ------
    DatasetError
        If there is too little to train on, the dataset's files have changed, or there is no room on the disk.
    """
    if model.classes != 1:
        raise DatasetError("Training at native resolution knows one class; set classes to 1.")
    folder = prepared_folder(
        dataset,
        report,
        ["native", VERSION],
        [model.channels, model.outputs, model.intensity],
        lambda temporary: _write(temporary, dataset, report.usable, model, settings, progress),
    )
    index = read_json(folder / "index.json")
    finished = {sample.id: sample.finished for sample in report.usable}
    return NativeSamples(
        ids=index["ids"],
        sizes=[tuple(size) for size in index["sizes"]],
        kinds=index["kinds"],
        pixels=np.load(folder / "images.npy", mmap_mode="r"),
        targets=np.load(folder / "targets.npy", mmap_mode="r"),
        finished=[finished[each] for each in index["ids"]],
    )


def _starts_of(sizes: Sequence[tuple[int, int]]) -> np.ndarray:
    """Return where each image's pixels begin, and after the last one where all end."""
    return np.concatenate([[0], np.cumsum([height * width for height, width in sizes])])


def _write(
    folder: Path,
    dataset: Dataset,
    samples: list[SampleReport],
    model: ModelConfig,
    settings: Settings,
    progress: Progress | None,
) -> None:
    sizes = [(sample.height, sample.width) for sample in samples]
    starts = _starts_of(sizes)
    pixels = new_array(folder / "images.npy", (int(starts[-1]), model.channels))
    targets = new_array(folder / "targets.npy", (int(starts[-1]), model.maps))
    kinds = [""] * len(samples)

    def fill(row: int, image: np.ndarray, labels: np.ndarray) -> None:
        part = slice(starts[row], starts[row + 1])
        kinds[row] = kind_of(image)
        pixels[part] = normalize(image, model).reshape(-1, model.channels)
        targets[part] = make_targets(labels)[..., : model.maps].reshape(-1, model.maps)

    for_each_sample(dataset, samples, fill, settings, progress)
    pixels.flush()
    targets.flush()
    write_json(folder / "index.json", {"ids": [sample.id for sample in samples], "sizes": sizes, "kinds": kinds})
