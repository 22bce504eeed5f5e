"""What the home page's buttons do: begin at once, with nothing to upload and nothing to choose."""

from __future__ import annotations

from collections.abc import Callable

from studio.common.visitor import visitor
from unet.config import Config, preset
from unet.errors import TrainingBusy
from unet.runs.run import Run, current_run, delete_run
from unet.settings import Settings

Progress = Callable[[str, float], None]


def quick_config() -> Config:
    """Return the tutorial's network, trained so that the sample dataset is learnt within about a minute."""
    return preset("tutorial").replace(epochs=12, batch_size=8, patience=0, flips=True)


def why_no_training(settings: Settings) -> str | None:
    """Return the reason why the training button is disabled, or None if it is not."""
    if settings.training:
        return None
    return "Training is switched off on this server (UNET_TRAINING is off). Predicting works."


def start_sample_training(settings: Settings, progress: Progress | None = None) -> Run:
    """Start a quick training on the synthetic dataset; if one is under way already, return that one.

    Parameters
    ----------
    settings : Settings
    progress : callable, optional
        Takes what is being done, and how much of it is done, 0 to 1.

    Returns
    -------
    Run
        The run that is now training.

    Raises
    ------
    UnetError
        If the dataset cannot be made or the run cannot be started.
    """
    # Imported on the click: the first page has no need of them, and it should come up at once.
    from unet.datasets.add import add_sample
    from unet.datasets.inspection import inspect_dataset
    from unet.training.create import create_run
    from unet.training.launch import start

    running = current_run(settings)
    if running:
        return running
    dataset = add_sample(settings, progress=_share(progress, "Drawing the sample images"))
    report = inspect_dataset(dataset, settings, progress=_share(progress, "Looking at the samples"))
    run = create_run(dataset, report, quick_config(), settings, name="first-training")
    visitor(settings).claim(run.folder)
    try:
        start(run, settings)
    except TrainingBusy:  # someone else was quicker
        delete_run(run)
        return current_run(settings) or run
    return run


def _share(progress: Progress | None, doing: str) -> Callable[[int, int], None] | None:
    return (lambda done, total: progress(doing, done / max(total, 1))) if progress else None
