"""How long a training will take, estimated from the work in the network."""

from __future__ import annotations

from contextlib import suppress

from unet.config import Config
from unet.errors import RunError
from unet.models.network import level_table
from unet.runs.run import Run, list_runs
from unet.settings import Settings

# Measured with benchmarks/training.py on two x86-64 cores: multiplications per second while training.
USUAL_SPEED = 1.4e11
# Starting the process, loading TensorFlow and compiling the first step.
START_SECONDS = 12


def estimate_seconds(config: Config, samples: int, settings: Settings) -> float:
    """Estimate how long a training of all epochs takes, roughly, from the work in the network.

    The speed is that of the last run on this machine where there is one, else that of two usual cores.
    """
    speed = next(filter(None, map(_speed, list_runs(settings))), USUAL_SPEED)
    shown = (config.training.crops or samples) if config.model.is_native else samples
    return START_SECONDS + config.training.epochs * shown * work_per_image(config) / speed


def _speed(run: Run) -> float | None:
    """Return a run's multiplications per second, if it has got that far."""
    with suppress(RunError):
        return (run.state().images_per_second or 0) * work_per_image(run.info().config)
    return None


def work_per_image(config: Config) -> float:
    """Return the multiplications that training on one image takes: three times those of predicting it."""
    return 3.0 * sum(row["parameters"] * row["height"] * row["width"] for row in level_table(config.model))
