"""Improving a model on few images whose nuclei were corrected: what is trained, for how long, and from where."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from unet.config import FINETUNE, Config
from unet.datasets.add import SAMPLE_NAME, add_sample
from unet.datasets.inspection import inspect_dataset, require_usable
from unet.datasets.samples import DatasetReport
from unet.datasets.split import split_samples
from unet.datasets.store import Dataset, list_datasets
from unet.errors import DatasetError
from unet.models.registry import ModelEntry
from unet.runs.run import Run
from unet.settings import Settings
from unet.training.create import create_run

# From so many images on, a share of them is kept out: with fewer, each is worth more as an example.
KEEP_OUT_FROM, KEPT_OUT = 5, 0.2
# From so many kept out on, they say when to end; below, it would be by chance, and a fixed number of steps is made.
FEWEST_TO_STOP_ON, PATIENCE = 4, 3


def learning_config(start: ModelEntry, images: int, rehearse: str = SAMPLE_NAME) -> Config:
    """Return how a model is improved on so many images.

    Parameters
    ----------
    start : ModelEntry
        The model that goes on learning, whatever its architecture.
    images : int
    rehearse : str
        The dataset that keeps it from forgetting, see ``rehearsal_for``; empty: none.
    """
    model = start.info.config
    training = replace(FINETUNE.training, start_from=start.key)
    if not (rehearse and model.is_native):
        training = replace(training, rehearsal=0.0, rehearse="")
    else:
        training = replace(training, rehearse=rehearse)
    if model.input_size[0] != model.input_size[1]:
        training = replace(training, quarter_turns=False)
    if not model.is_native:
        # Without crops, each epoch shows every image once.
        batch = max(1, min(training.batch_size, images))
        training = replace(training, batch_size=batch, epochs=max(training.epochs, math.ceil(400 / max(1, images))))
    if round(KEPT_OUT * images) >= FEWEST_TO_STOP_ON:
        training = replace(training, patience=PATIENCE)
    return Config("finetune", model, training)


def rehearsal_for(start: ModelEntry, settings: Settings, datasets: Sequence[Dataset] | None = None) -> str:
    """Return the dataset whose crops keep a model from forgetting: the one that it comes from, else synthetic nuclei.

    Parameters
    ----------
    start : ModelEntry
    settings : Settings
    datasets : sequence of Dataset, optional
        Those that may be used; all that are here.
    """
    came_from = start.info.provenance.get("fingerprint")
    for dataset in list_datasets(settings) if datasets is None else datasets:
        if dataset.fingerprint == came_from:
            try:
                dataset.check()
            except DatasetError:
                continue
            return dataset.id
    return SAMPLE_NAME


def split_to_learn(report: DatasetReport, seed: int) -> tuple[list[str], list[str]]:
    """Return the images to learn from, and those to validate on: with few images, the same ones.

    Raises
    ------
    DatasetError
        If there is no image with a mask.
    """
    require_usable(report, fewest=1)
    usable = report.usable
    ids = [sample.id for sample in usable]
    groups = [sample.group for sample in usable]
    if len(ids) < KEEP_OUT_FROM or len({group or name for group, name in zip(groups, ids, strict=True)}) < 2:
        return ids, ids
    return split_samples(ids, KEPT_OUT, seed, groups=groups)


def create_learning_run(
    dataset: Dataset,
    start: ModelEntry,
    settings: Settings,
    *,
    rehearse: str | None = None,
    name: str | None = None,
) -> Run:
    """Make the Run folder of a training that improves a model.

    Parameters
    ----------
    dataset : Dataset
    start : ModelEntry
    settings : Settings
    rehearse : str, optional
        As for ``learning_config``; by default ``rehearsal_for``.
    name : str, optional
        The run's name.

    Raises
    ------
    UnetError
        If there is nothing to learn from, or the model cannot be trained.
    """
    report = inspect_dataset(dataset, settings)
    split = split_to_learn(report, FINETUNE.training.seed)
    rehearse = rehearsal_for(start, settings) if rehearse is None else rehearse
    config = learning_config(start, len(report.usable), rehearse)
    if config.training.rehearse == SAMPLE_NAME:
        add_sample(settings)
    command = learning_command(dataset, start, rehearse)
    return create_run(dataset, report, config, settings, name or f"{start.info.name}-improved", split, command)


def learning_command(dataset: Dataset, start: ModelEntry, rehearse: str) -> list[str]:
    """Return the command line that improves the model in the same way."""
    command = ["python", "-m", "unet", "learn", dataset.id, "--start-from", start.key]
    return command if rehearse else [*command, "--no-rehearsal"]


def was_kept_out(train_ids: Sequence[str], validation_ids: Sequence[str]) -> bool:
    """Tell whether images to validate on were kept out of what was learned."""
    return not set(train_ids) & set(validation_ids)


def has_learned_from(run: Run) -> str:
    """Return the key of the model that a run has improved; empty if it is no such run."""
    info = run.info()
    return info.config.training.start_from if info.config.preset == FINETUNE.preset else ""
