"""What a model was worth before and after it went on learning, on the same images."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.errors import RunError
from unet.evaluation.evaluate import evaluate
from unet.evaluation.scores import Scores
from unet.models.registry import find_model
from unet.prediction.predictor import Predictor
from unet.runs.run import Run
from unet.settings import Settings


@dataclass(frozen=True)
class Change:
    """Scores before and after.

    Attributes
    ----------
    before, after : Scores
    images : int
    kept_out : bool
        Whether the images were kept out of what was learned; else they are those that were.
    """

    before: Scores
    after: Scores
    images: int
    kept_out: bool


def score_change(run: Run, settings: Settings, progress: Callable[[int, int], None] | None = None) -> Change:
    """Score the model that a run started from, and its own, on the run's validation images.

    Parameters
    ----------
    run : Run
        An ended one that started from a model.
    settings : Settings
    progress : callable, optional
        Takes the number of images done and their total.

    Raises
    ------
    RunError
        If it did not start from a model, or has none yet.
    ModelError, DatasetError
        If a model or the images are gone.
    """
    info = run.info()
    if not info.config.training.start_from or run.model_folder is None:
        raise RunError(f"The run “{run.name}” has improved no model.")
    dataset = open_dataset(info.dataset["id"], settings)
    report = inspect_dataset(dataset, settings)
    ids = set(info.validation_ids)
    folders = (find_model(info.config.training.start_from, settings).folder, run.model_folder)
    scores = []
    for place, folder in enumerate(folders):

        def tell(done: int, total: int, place: int = place) -> None:
            if progress:
                progress(place * total + done, 2 * total)

        found = evaluate(Predictor.open(folder), dataset, report, settings, ids=ids, progress=tell)
        scores.append(found.scores())
    return Change(scores[0], scores[1], scores[0].images, not ids & set(info.train_ids))
