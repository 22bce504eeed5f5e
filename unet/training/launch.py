"""Starting a run's trainer as a process of its own, and asking it to stop."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress

import psutil
from filelock import FileLock

from unet.errors import RunError, TrainingBusy
from unet.processes import birth
from unet.runs.record import write_state
from unet.runs.run import Run, current_run
from unet.settings import PROJECT, Settings

# The trainers that this process has started: polled now and then, so that ended ones don't stay as zombies.
_started: list[subprocess.Popen] = []


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
