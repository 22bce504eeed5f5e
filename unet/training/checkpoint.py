"""What it takes to go on training as if nothing had happened: one file, replaced atomically after each epoch."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.errors import RunError
from unet.files import atomic_path

if TYPE_CHECKING:
    import keras


@dataclass
class TrainingProgress:
    """How far the training has come: the last finished epoch, and what early stopping remembers."""

    epoch: int = 0
    best_epoch: int | None = None
    best: dict[str, float] | None = None
    seconds: float = 0.0


def save_checkpoint(path: Path, model: keras.Model, progress: TrainingProgress) -> None:
    """Write weights, random states, optimizer state and progress."""
    arrays: dict[str, Any] = {f"v{index:04d}": np.asarray(value) for index, value in enumerate(_values(model))}
    with atomic_path(path) as temporary:
        np.savez(temporary, progress=np.array(json.dumps(asdict(progress))), **arrays)


def load_checkpoint(path: Path, model: keras.Model) -> TrainingProgress:
    """Put a checkpoint's values into a compiled model and return how far it had come.

    Raises
    ------
    RunError
        If the file is damaged or belongs to another architecture.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            progress = TrainingProgress(**json.loads(str(stored["progress"])))
            values = [stored[name] for name in sorted(stored.files) if name != "progress"]
        variables = _variables(model)
        if [value.shape for value in values] != [tuple(variable.shape) for variable in variables]:
            raise ValueError("it belongs to another architecture")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"The checkpoint {path.name} of “{path.parents[1].name}” cannot be read: {error}.") from error
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
    return progress


def _variables(model: keras.Model) -> list:
    return [*model.variables, *model.optimizer.variables]


def _values(model: keras.Model) -> list:
    from keras import ops

    return [ops.convert_to_numpy(variable) for variable in _variables(model)]
