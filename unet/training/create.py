"""Making a run, starting its trainer as a process, asking it to stop."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from itertools import count
from pathlib import Path

import psutil
from filelock import FileLock

from unet.config import Config, preset
from unet.datasets.add import SAMPLE_NAME, open_dataset
from unet.datasets.inspection import inspect_dataset, require_usable
from unet.datasets.samples import DatasetReport
from unet.datasets.split import split_samples
from unet.datasets.store import Dataset
from unet.errors import ConfigError, RunError, TrainingBusy
from unet.files import write_json
from unet.flags import config_flags
from unet.models.metadata import check_config
from unet.models.needs import lacks
from unet.models.network import different_weights, level_table
from unet.models.registry import find_model
from unet.processes import birth
from unet.provenance import versions
from unet.runs.record import write_state
from unet.runs.run import Run, current_run, delete_run, list_runs
from unet.runs.state import RunInfo, RunState
from unet.settings import PROJECT, Settings, read_settings

# Measured with benchmarks/training.py on two x86-64 cores: multiplications a second while training.
USUAL_SPEED = 1.4e11
# Starting the process, loading TensorFlow and compiling the first step.
START_SECONDS = 12

# Bytes of a run's name, a number behind it left out.
MAX_NAME = 100

# The trainers that this process has started: polled now and then, so that ended ones don't stay as zombies.
_started: list[subprocess.Popen] = []


def create_run(
    dataset: Dataset, report: DatasetReport, config: Config, settings: Settings, name: str | None = None
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
    require_usable(report)
    usable = report.usable
    train_ids, validation_ids = split_samples(
        [sample.id for sample in usable],
        config.training.validation_fraction,
        config.training.seed,
        groups=[sample.group for sample in usable],
        stains=[sample.stain for sample in usable],
    )
    folder = _new_folder(settings.runs, name or f"{config.preset}-{time.strftime('%Y%m%d-%H%M%S')}")
    info = RunInfo(
        name=folder.name,
        created=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
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
        command=command_of(config, dataset),
    )
    try:
        write_state(
            Run(folder),
            RunState(status="stopped", phase="", epochs=config.training.epochs, reason="Not started yet."),
        )
        write_json(folder / "run.json", info.to_dict())  # with it, the run is there
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    _prune(settings, keep=Run(folder))
    return Run(folder)


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


def start(run: Run, settings: Settings) -> None:
    """Start, or go on with, a run's training as a process of its own that outlives this one.

    Raises
    ------
    TrainingBusy
        If another training is under way on this machine.
    RunError
        If there is nothing left to train.
    """
    with FileLock(settings.runs / ".start.lock"):
        busy = current_run(settings)
        if busy:
            raise TrainingBusy(busy.name)
        state = run.state()
        if not state.resumable:
            raise RunError(f"The run “{run.name}” is {state.status}: there is nothing left to train.")
        run.stop_request.unlink(missing_ok=True)
        epochs = run.info().config.training.epochs
        write_state(run, state.started_anew(epochs=epochs))
        with run.log.open("ab") as output:
            process = subprocess.Popen(
                [sys.executable, "-m", "unet", "train", "--resume", run.name],
                cwd=PROJECT,
                env={**os.environ, "UNET_HOME": str(settings.home)},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        # Until it can speak for itself: from here on its process tells whether it is there, not the time that passes.
        if run.state().pid is None:
            write_state(run, state.started_anew(epochs=epochs, pid=process.pid, born=birth(process.pid)))
    # The pages should stay quick while the trainer has all cores to itself.
    with suppress(psutil.Error):
        psutil.Process(process.pid).nice(5)
    _started[:] = [*(trainer for trainer in _started if trainer.poll() is None), process]


def request_stop(run: Run) -> None:
    """Ask a training to stop after the batch that it is at; the best model and the last checkpoint stay."""
    if run.state().active:
        run.stop_request.touch()


def create_and_train(
    source: str | Path,
    *,
    name: str | None = None,
    config: Config | None = None,
    groups: Path | None = None,
    settings: Settings | None = None,
    on_progress: Callable[[RunState], None] | None = None,
    **changes,
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


def estimate_seconds(config: Config, samples: int, settings: Settings) -> float:
    """Estimate how long a training of all epochs takes, roughly, from the work in the network.

    The speed is that of the last run on this machine where there is one, else that of two usual cores.
    """
    speed = next(filter(None, map(_speed, list_runs(settings))), USUAL_SPEED)
    shown = (config.training.crops or samples) if config.model.is_native else samples
    return START_SECONDS + config.training.epochs * shown * work_per_image(config) / speed


def _speed(run: Run) -> float | None:
    """Return the multiplications a second of a run, if it has got as far."""
    with suppress(RunError):
        return (run.state().images_per_second or 0) * work_per_image(run.info().config)
    return None


def work_per_image(config: Config) -> float:
    """Return the multiplications that training on one image takes: three times those of predicting it."""
    return 3.0 * sum(row["parameters"] * row["height"] * row["width"] for row in level_table(config.model))


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
