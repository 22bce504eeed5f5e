"""Moving a model's threshold to where images that were corrected by hand would have it."""

from __future__ import annotations

from collections.abc import Callable, Collection

import numpy as np

from unet.datasets.finished import only_finished
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.evaluation.change import best_iou
from unet.evaluation.matching import IOU_THRESHOLDS
from unet.evaluation.scores import count, scores_of
from unet.io.images import read_image
from unet.memmap import LARGE_PIXELS
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects, relief_of
from unet.settings import Settings

THRESHOLDS = (0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.55, 0.6)
# Fewer corrected nuclei move nothing: it would be by chance.
FEWEST = 10


def nudged_threshold(
    predictor: Predictor,
    start: Predictor,
    dataset: Dataset,
    report: DatasetReport,
    settings: Settings,
    ids: Collection[str],
    progress: Callable[[int, int], None] | None = None,
) -> float:
    """Choose the threshold on the nuclei of some images that somebody has corrected.

    What nobody touched has the outline that the start gave it, and would ask for the start's threshold whatever is
    right. So only nuclei with another outline say how well outlines are met: highest is to be the share of them that is
    found, as the mean over IoU .5 to .95; and with it AP at IoU .5 of all, so that nothing false is taken with them.

    Parameters
    ----------
    predictor, start : Predictor
        The model that has learned from the images, and the one that found the nuclei which were corrected.
    dataset, report, settings
        As for ``unet.evaluation.evaluate``.
    ids : collection of str
        The images that were corrected.
    progress : callable, optional
        Takes the number of images done and their total.

    Returns
    -------
    float
        0 to 1; the start's where too few nuclei were corrected.
    """
    files = {sample.id: sample.image for sample in dataset.samples()}
    samples = [sample for sample in report.usable if sample.id in ids]
    met: list[list[np.ndarray]] = [[] for _ in THRESHOLDS]
    counts: list[list] = [[] for _ in THRESHOLDS]
    for done, sample in enumerate(samples, start=1):
        image = read_image(files[sample.id], max_megapixels=settings.max_image_megapixels)
        truth = only_finished(read_labels(dataset, sample.id), sample.finished)
        before = find_objects(start.predict(image), start.info.threshold, start.info.separation)
        corrected = best_iou(truth, only_finished(before, sample.finished)) < 1
        prediction = predictor.predict(image)
        relief = relief_of(prediction) if truth.size <= LARGE_PIXELS else None
        for place, threshold in enumerate(THRESHOLDS):
            found = find_objects(prediction, threshold, predictor.info.separation, relief=relief)
            found = only_finished(found, sample.finished)
            met[place].append(best_iou(truth, found)[corrected])
            counts[place].append(count(truth, found))
        if progress:
            progress(done, len(samples))
    if not samples or sum(map(len, met[0])) < FEWEST:
        return start.info.threshold
    gains = [
        np.greater.outer(np.concatenate(ious), IOU_THRESHOLDS).mean() + scores_of(each).average_precision[0]
        for ious, each in zip(met, counts, strict=True)
    ]
    # Of equal ones that which is nearest to the start's.
    nearest = min(range(len(gains)), key=lambda place: (-gains[place], abs(THRESHOLDS[place] - start.info.threshold)))
    return THRESHOLDS[nearest]
