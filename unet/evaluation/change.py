"""What a model was worth before and after it went on learning, on the same images.

Nuclei that nobody corrected have the outlines that the model before gave them. A score that looks at outlines closely
would say that this model has hardly an error, whatever is right; so it only counts where all outlines are others'.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from unet.datasets.add import open_dataset
from unet.datasets.finished import only_finished
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.errors import RunError
from unet.evaluation.matching import measure_overlaps
from unet.evaluation.scores import Counts, Scores, count, scores_of
from unet.io.images import read_image
from unet.models.registry import find_model
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.runs.run import Run
from unet.settings import Settings


@dataclass(frozen=True)
class ImageChange:
    """One image: counts before and after, how many nuclei were corrected, and how many of these are found."""

    before: Counts
    after: Counts
    corrected: int
    found_before: int
    found_after: int


@dataclass(frozen=True)
class Change:
    """Scores before and after.

    Attributes
    ----------
    before, after : Scores
    images, nuclei : int
    corrected, found_before, found_after : int
        Nuclei that are not as the model before drew them, and how many of them each model finds, at IoU .5.
    kept_out : bool
        Whether the images were kept out of what was learned; else they are those that were.
    """

    before: Scores
    after: Scores
    images: int
    nuclei: int
    corrected: int
    found_before: int
    found_after: int
    kept_out: bool

    @property
    def is_independent(self) -> bool:
        """Whether all outlines are others than those of the model before, so that a score may look at them closely."""
        return self.corrected == self.nuclei


def best_iou(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return the greatest IoU of each true nucleus, by ascending number, with one that was found; 0 without any."""
    overlaps = measure_overlaps(truth, found)
    best = np.zeros(len(overlaps.truth_ids))
    np.maximum.at(best, overlaps.rows, overlaps.iou)
    return best


def change_in(truth: np.ndarray, before: np.ndarray, after: np.ndarray) -> ImageChange:
    """Compare what two models found in an image with its corrected nuclei; all are (height, width) label maps."""
    ious = best_iou(truth, before), best_iou(truth, after)
    corrected = ious[0] < 1
    found = [int(np.count_nonzero(each[corrected] > 0.5)) for each in ious]
    return ImageChange(count(truth, before), count(truth, after), int(corrected.sum()), found[0], found[1])


def change_of(images: Sequence[ImageChange], *, kept_out: bool) -> Change:
    """Return what changed in several images, one at least."""
    before, after = scores_of(each.before for each in images), scores_of(each.after for each in images)
    names = ("corrected", "found_before", "found_after")
    sums = {name: sum(getattr(each, name) for each in images) for name in names}
    return Change(before, after, len(images), sum(each.before.truth for each in images), **sums, kept_out=kept_out)


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
    ids = set(info.validation_ids)
    samples = [sample for sample in inspect_dataset(dataset, settings).usable if sample.id in ids]
    files = {sample.id: sample.image for sample in dataset.samples()}
    folders = (find_model(info.config.training.start_from, settings).folder, run.model_folder)
    models = [Predictor.open(folder) for folder in folders]
    images = []
    for done, sample in enumerate(samples, start=1):
        image = read_image(files[sample.id], max_megapixels=settings.max_image_megapixels)
        found = [find_objects(model.predict(image), model.info.threshold, model.info.separation) for model in models]
        before, after = (only_finished(each, sample.finished) for each in found)
        images.append(change_in(only_finished(read_labels(dataset, sample.id), sample.finished), before, after))
        if progress:
            progress(done, len(samples))
    return change_of(images, kept_out=not ids & set(info.train_ids))
