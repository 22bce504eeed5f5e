"""Making a run: all that is decided before anything is trained."""

from __future__ import annotations

import re
import shlex
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

from unet.config import Config, preset
from unet.datasets.add import SAMPLE_NAME, open_dataset
from unet.datasets.inspection import inspect_dataset, require_usable
from unet.datasets.samples import DatasetReport
from unet.datasets.split import hold_out_kinds, split_samples
from unet.datasets.store import Dataset
from unet.errors import ConfigError, RunError, TrainingBusy
from unet.files import write_json
from unet.flags import config_flags
from unet.models.limits import check_config
from unet.models.needs import lacks
from unet.models.network import different_weights
from unet.models.registry import find_model
from unet.provenance import timestamp, versions
from unet.runs.record import write_state
from unet.runs.run import Run, delete_run, list_runs
from unet.runs.state import Phase, RunInfo, RunState
from unet.settings import Settings, read_settings

# Bytes of a run's name, a number behind it left out.
MAX_NAME = 100


def create_run(
    dataset: Dataset,
    report: DatasetReport,
    config: Config,
    settings: Settings,
    name: str | None = None,
    split: tuple[list[str], list[str]] | None = None,
    command: Sequence[str] = (),
) -> Run:
    """Make the Run folder of a training: all is decided, nothing is trained.

    Parameters
    ----------
    dataset, report
        What to train on; the usable samples are split by the configured seed, whole groups to one side.
    config : Config
    settings : Settings
    name : str, optional
        By default the preset and the time; a name that is taken gets a number.
    split : tuple of list of str, optional
        The samples to train and to validate on; by default as ``split_of`` gives them.
    command : sequence of str
        The command line that makes the run again; by default that of ``train``.

    Raises
    ------
    DatasetError
        If there is too little to train on.
    ConfigError
        If the network is larger than this program bears, or has not the architecture of the model to start from.
    ModelError
        If there is no such model.
    RunError
        If TensorFlow is not installed.
    """
    if lack := lacks():
        raise RunError(f"Training is not possible here. {lack}")
    check_config(config.model)
    if config.training.start_from:
        check_start(config, settings)
    if split is None:
        require_usable(report)
        split = split_of(report, config)
    train_ids, validation_ids = split
    folder = _new_folder(settings.runs, name or f"{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}")
    info = RunInfo(
        name=folder.name,
        created=timestamp(),
        config=config,
        dataset={
            "id": dataset.id,
            "name": dataset.name,
            "root": str(dataset.root),
            "fingerprint": dataset.fingerprint,
        },
        train_ids=tuple(train_ids),
        validation_ids=tuple(validation_ids),
        versions=versions(),
        command=shlex.join(command) if command else command_of(config, dataset),
    )
    try:
        write_state(
            Run(folder),
            RunState(status="stopped", phase=Phase.CREATED, epochs=config.training.epochs, reason="Not started yet."),
        )
        write_json(folder / "run.json", info.to_dict())  # with it, the run is there
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _prune(settings, keep=Run(folder))
    return Run(folder)


def split_of(report: DatasetReport, config: Config) -> tuple[list[str], list[str]]:
    """Return the samples that a training learns from, and those that it validates on.

    Raises
    ------
    DatasetError
        If a side would be empty.
    """
    usable, training = report.usable, config.training
    ids, groups = [sample.id for sample in usable], [sample.group for sample in usable]
    if training.held_out:
        return hold_out_kinds(ids, training.held_out, [sample.kind for sample in usable], groups)
    stains = [sample.stain for sample in usable]
    return split_samples(ids, training.validation_fraction, training.seed, groups=groups, stains=stains)


def check_start(config: Config, settings: Settings) -> None:
    """Make sure that the model to start from is there and has the same weights.

    Raises
    ------
    ModelError
        If there is no such model.
    ConfigError
        If its architecture is another.
    """
    start = find_model(config.training.start_from, settings).info.config
    if name := different_weights(start, config.model):
        raise ConfigError(
            f"The model “{config.training.start_from}” has `{name}` {getattr(start, name)}, not "
            f"{getattr(config.model, name)}; its weights fit no other architecture."
        )


def create_and_train(
    source: str | Path,
    *,
    name: str | None = None,
    config: Config | None = None,
    groups: Path | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[RunState], None] | None = None,
    **changes: Any,
) -> Run:
    """Train on a dataset in this process and return the run.

    Parameters
    ----------
    source : str or Path
        A ``.zip``, a folder, or the id of a stored dataset.
    name : str, optional
        The run's name.
    config : Config, optional
        By default the tutorial preset.
    groups : Path, optional
        A CSV with the columns ImageId and group: samples of one group stay on one side of the split.
    settings : Settings, optional
        By default read from the environment.
    on_progress : callable, optional
        Called with the ``RunState`` after each batch.
    **changes
        Fields of the configuration to change, such as ``epochs=2``.

    Raises
    ------
    UnetError
        If the dataset cannot be used, or the training failed.
    """
    from unet.training.process import train_run

    settings = settings or read_settings()
    config = (config or preset("tutorial")).replace(**changes)
    dataset = open_dataset(source, settings, groups=groups)
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, name)
    try:
        train_run(run, settings, on_progress)
    except TrainingBusy:  # refused: as if it had not been asked for
        delete_run(run)
        raise
    return run


def command_of(config: Config, dataset: Dataset) -> str:
    """Return the command line that makes this run again, where the dataset is kept.

    It names the dataset by its id, with which groups are kept; the synthetic one is drawn anew wherever it is missing.
    """
    source = SAMPLE_NAME if dataset.source == "sample" else dataset.id
    return shlex.join(["python", "-m", "unet", "train", source, *config_flags(config)])


def _new_folder(parent: Path, name: str) -> Path:
    """Make a folder that nobody else has made, named so or with a number behind it."""
    name = (
        re.sub(r"[^\w.-]+", "-", name).encode(errors="replace")[:MAX_NAME].decode(errors="ignore").strip("-.") or "run"
    )
    parent.mkdir(parents=True, exist_ok=True)
    for number in count(1):
        folder = parent / (name if number == 1 else f"{name}-{number}")
        with suppress(FileExistsError):
            folder.mkdir()
            return folder
    raise AssertionError  # counting has no end


def _prune(settings: Settings, keep: Run) -> None:
    """Delete the oldest runs beyond the configured number; 0 keeps all."""
    if settings.keep_runs:
        old = [run for run in list_runs(settings) if run != keep and not run.state().active]
        for run in old[max(0, settings.keep_runs - 1) :]:
            delete_run(run)
