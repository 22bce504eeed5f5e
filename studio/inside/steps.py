"""Steps of a training, asked for on the page and made in a process of their own, one at a time for all visitors."""

from __future__ import annotations

import os
import subprocess
import sys
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from studio.inside.subject import Subject
from unet.activations.film import eighths
from unet.errors import RunError
from unet.models.needs import TENSORFLOW, lacks
from unet.runs.pruning import mark_used
from unet.settings import PROJECT
from unet.training.one_step import MOST_STEPS, Step, read_step, step_path

SECONDS = 180  # a step takes five; of a dataset that is prepared first more
WAITING = 8  # steps that wait; a class presses the same button, and what one has asked for all others are shown

_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="steps")
_asked: dict[Path, Future] = {}


def step_of(subject: Subject, number: int) -> Step | None:
    """Return what happened in a step of the subject's model, or None while it is being made.

    Raises
    ------
    RunError
        If it cannot be made; the message says why.
    """
    if lack := lacks(TENSORFLOW):
        raise RunError(f"A step is a piece of training, which is not possible here. {lack}")
    if not subject.settings.training:
        raise RunError("Training is switched off on this server, and a step is a piece of it.")
    if not 1 <= number <= MOST_STEPS:
        raise RunError(f"Here at most {MOST_STEPS} steps can be looked at; a training takes thousands.")
    kind, _, name = subject.entry.key.rpartition(":")
    target = subject.settings.cache / "steps" / subject.key.model
    path = step_path(target, number)
    try:
        found = read_step(path)
        mark_used(path)
        return found
    except (OSError, ValueError, KeyError):  # not there yet
        pass
    if path not in _asked:
        for other in [each for each, made in _asked.items() if made.done()]:  # whoever asked has left
            _asked.pop(other, None)
        if len(_asked) >= WAITING:
            raise RunError("Others are waiting for steps of their own; try again in a minute.")
        command = [str(subject.entry.folder.resolve()), str(target), str(number)]
        command += ["--run", name] if kind == "run" else []
        _asked[path] = _thread.submit(_make, command, subject.settings.home)
    if not _asked[path].done():
        return None
    problem = _asked.pop(path).result()
    if problem:
        raise RunError(problem)
    return None


def _make(command: list[str], home: Path) -> str:
    """Run the process; return what went wrong."""
    try:
        done = subprocess.run(
            [sys.executable, "-m", "unet.training.one_step", *command],
            cwd=PROJECT,
            env={**os.environ, "UNET_HOME": str(home)},
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired:
        return f"The step took longer than {SECONDS // 60} minutes and was stopped; try again."
    except OSError as error:
        return f"The step cannot be made: {error.strerror or error}."
    if not done.returncode:
        return ""
    said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    return said[-1].removeprefix("error: ") if said else "The step ended unexpectedly; perhaps memory ran out."


def shown(step: Step) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a step as it travels: pictures in 8 bits, and each layer's first kernels."""
    levels, ranges = eighths(step.arrays["pixels"].reshape(1, *step.arrays["pixels"].shape[1:2], -1))
    pixels = levels.reshape(step.arrays["pixels"].shape)
    about = {**step.about, "most": MOST_STEPS, "highest": float(ranges[0, 1])}
    return about, {**step.arrays, "pixels": pixels}
