"""What a training sees: its dataset prepared, divided into its two sides, and batched."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.runs.state import RunInfo
from unet.settings import Settings
from unet.training.inputs.batches import Batches, CropBatches, ImageBatches
from unet.training.inputs.full_size import NativeSamples, prepare_native
from unet.training.inputs.resized import prepare


@dataclass(frozen=True)
class TrainingData:
    """The dataset of a run and both sides of its split."""

    dataset: Dataset
    report: DatasetReport
    training: Batches
    validation: Batches


def read_training_data(
    info: RunInfo, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> TrainingData:
    """Prepare a run's dataset and batch its two sides.

    Raises
    ------
    DatasetError
        If the dataset has changed since the run was made, or cannot be used.
    """
    dataset = open_dataset(info.dataset["id"], settings)
    if dataset.fingerprint != info.dataset["fingerprint"]:
        raise DatasetError(f"The dataset “{dataset.name}” has changed since this run began; start a new run.")
    report = inspect_dataset(dataset, settings)
    model, config = info.config.model, info.config.training
    arguments = dataset, report, model, settings, progress
    prepared = prepare_native(*arguments) if model.is_native else prepare(*arguments)
    position = {sample: index for index, sample in enumerate(prepared.ids)}

    def side(ids: tuple[str, ...], *, training: bool) -> Batches:
        indices = np.array([position[sample] for sample in ids])
        if isinstance(prepared, NativeSamples):
            return CropBatches(prepared, indices, model.input_size, config, training=training)
        return ImageBatches(prepared.images, prepared.masks, indices, config, training=training)

    return TrainingData(dataset, report, side(info.train_ids, training=True), side(info.validation_ids, training=False))
