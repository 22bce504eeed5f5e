"""One image with what became of each nucleus: matched, missed, split or merged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet.config import Separation
from unet.datasets.inspection import read_labels
from unet.datasets.store import Dataset
from unet.evaluation.matching import Outcomes, measure_overlaps, outcomes
from unet.io.images import read_image
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import Settings


@dataclass(frozen=True)
class ImageOutcome:
    """One image with its nuclei and what was found.

    Attributes
    ----------
    image : array
        As ``unet.read_image`` gives it.
    truth, found : (height, width) integer
        Label maps.
    outcomes : Outcomes
        Ids of both, by what became of them.
    """

    image: np.ndarray
    truth: np.ndarray
    found: np.ndarray
    outcomes: Outcomes


def show_outcome(
    predictor: Predictor,
    dataset: Dataset,
    sample_id: str,
    settings: Settings,
    threshold: float,
    separation: Separation,
) -> ImageOutcome:
    """Predict one image and say which nuclei were matched, missed, split and merged, at IoU .5."""
    sample = next(sample for sample in dataset.samples() if sample.id == sample_id)
    image = read_image(sample.image, max_megapixels=settings.max_image_megapixels)
    truth = read_labels(dataset, sample_id)
    found = find_objects(predictor.predict(image), threshold, separation)
    return ImageOutcome(image, truth, found, outcomes(measure_overlaps(truth, found)))
