"""What a training sees: its dataset prepared, divided into its two sides, and batched."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.io.images import read_image
from unet.models.registry import find_model
from unet.runs.state import RunInfo
from unet.settings import Settings
from unet.training.inputs.batches import Batches, CropBatches, ImageBatches
from unet.training.inputs.cache import Progress
from unet.training.inputs.full_size import NativeSamples, prepare_native
from unet.training.inputs.resized import known_at_size, prepare


@dataclass(frozen=True)
class TrainingData:
    """The dataset of a run, both sides of its split, and the scales at which images are learned."""

    dataset: Dataset
    report: DatasetReport
    training: Batches
    validation: Batches
    scales: Mapping[str, float]


def read_training_data(info: RunInfo, settings: Settings, progress: Progress | None = None) -> TrainingData:
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
    rehearsal = _rehearsal(info, settings, progress)
    scales = _scales(info, dataset, settings, progress)
    arguments = dataset, report, model, settings, progress
    prepared = prepare_native(*arguments) if model.is_native else prepare(*arguments)
    position = {sample: index for index, sample in enumerate(prepared.ids)}

    def side(ids: tuple[str, ...], *, training: bool) -> Batches:
        indices = np.array([position[sample] for sample in ids])
        if isinstance(prepared, NativeSamples):
            own = {position[sample]: scale for sample, scale in scales.items()}
            return CropBatches(
                prepared, indices, model.input_size, config, training=training, scales=own, rehearsal=rehearsal
            )
        known = known_at_size(report, prepared.ids, model.input_size)
        return ImageBatches(prepared.images, prepared.masks, indices, config, training=training, known=known)

    training, validation = side(info.train_ids, training=True), side(info.validation_ids, training=False)
    return TrainingData(dataset, report, training, validation, scales)


def _rehearsal(info: RunInfo, settings: Settings, progress: Progress | None) -> NativeSamples | None:
    """Return what is seen so that nothing is forgotten; None where nothing is to be."""
    model, config = info.config.model, info.config.training
    if not (model.is_native and config.rehearsal and config.rehearse):
        return None
    dataset = open_dataset(config.rehearse, settings)
    return prepare_native(dataset, inspect_dataset(dataset, settings), model, settings, progress)


def _scales(info: RunInfo, dataset: Dataset, settings: Settings, progress: Progress | None) -> dict[str, float]:
    """Return the scale at which the start sees each image; it then goes on seeing them so when they were learned."""
    config = info.config.training
    if not (config.gentle and config.start_from and info.config.model.is_native):
        return {}
    from unet.prediction.predictor import Predictor

    predictor = Predictor.open(find_model(config.start_from, settings).folder)
    wanted = dict.fromkeys((*info.train_ids, *info.validation_ids))
    files = {sample.id: sample.image for sample in dataset.samples() if sample.id in wanted}
    scales = {}
    for done, (name, path) in enumerate(files.items(), start=1):
        seen = predictor.predict(read_image(path, max_megapixels=settings.max_image_megapixels)).seen
        scales[name] = seen.scale if seen else 1.0
        if progress:
            progress(done, len(files))
    return scales
