"""Choosing the threshold and the separation on images whose nuclei are known, for a Model folder to keep."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import numpy as np

from unet.config import Separation
from unet.datasets.finished import only_finished
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.evaluation.scores import Counts, Scores, count, scores_of
from unet.io.images import read_image
from unet.memmap import LARGE_PIXELS
from unet.parallel import WORKERS
from unet.prediction.maps import Prediction
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects, relief_of
from unet.settings import Settings

# A sample, its true nuclei, its prediction and the relief of that.
Row = tuple[SampleReport, np.ndarray, Prediction, np.ndarray | None]
# All maps of the images are held at once: 16 million pixels of three maps take 64 MB, and as much their reliefs.
MAX_PIXELS = 16_000_000

# One after the other, each with the best of the others so far; the threshold again at the end.
CHOICES = (
    ("threshold", tuple(np.arange(0.3, 0.76, 0.05).round(2).tolist())),
    ("min_valley_depth", (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6)),
    ("min_peak_distance", (0.0, 0.2, 0.3, 0.35, 0.4, 0.45, 0.5)),
    ("min_area", (0, 8, 15, 25, 40, 60)),
    ("threshold", tuple(np.arange(0.3, 0.76, 0.05).round(2).tolist())),
)


@dataclasses.dataclass(frozen=True)
class Tuned:
    """The best settings found, and the scores that they reach on the images they were chosen on."""

    threshold: float
    separation: Separation
    scores: Scores


def tune(
    predictor: Predictor,
    dataset: Dataset,
    report: DatasetReport,
    settings: Settings,
    ids: Collection[str],
    progress: Callable[[int, int], None] | None = None,
) -> Tuned:
    """Choose threshold, valley depth, certainty and least area.

    Highest is to be the sum of the competition score, to which each image counts alike, and the pooled AP at IoU .5 to
    .9, to which each nucleus does: by one of them alone, chance would decide at the other's expense.

    Parameters
    ----------
    predictor : Predictor
        Its model's own settings are where the search starts.
    dataset, report, settings
        As for ``unet.evaluation.evaluate``.
    ids : collection of str
        The samples to choose on, such as a run's validation side. Of many, as many count as fit into memory.
    progress : callable, optional
        Takes the number of steps done and their total.
    """
    files = {sample.id: sample.image for sample in dataset.samples()}
    samples: list[SampleReport] = []
    pixels = 0
    for sample in report.usable:
        if sample.id in ids and (pixels + sample.height * sample.width <= MAX_PIXELS or not samples):
            samples.append(sample)
            pixels += sample.height * sample.width
    steps = len(samples) + sum(len(values) for _, values in CHOICES)
    done = 0

    def advance() -> None:
        nonlocal done
        done += 1
        if progress:
            progress(done, steps)

    rows: list[Row] = []
    for sample in samples:
        image = read_image(files[sample.id], max_megapixels=settings.max_image_megapixels)
        truth = only_finished(read_labels(dataset, sample.id), sample.finished)
        prediction = predictor.predict(image)
        # The same for all settings; a large image is worked on in tiles, each with its own.
        relief = relief_of(prediction) if truth.size <= LARGE_PIXELS else None
        rows.append((sample, truth, prediction, relief))
        advance()
    best = {"threshold": predictor.info.threshold, **predictor.info.separation.to_dict(), "separate": True}
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="tuning") as threads:
        for name, values in CHOICES:
            found = {}
            for value in values:
                scores = _score(rows, best | {name: value}, threads)
                found[value] = scores.competition + scores.ap_50_90
                advance()
            best[name] = max(found, key=found.__getitem__)
        scores = _score(rows, best, threads)
    return Tuned(best.pop("threshold"), Separation(**best), scores)


def _score(rows: list[Row], values: dict, threads: ThreadPoolExecutor) -> Scores:
    separation = Separation(**{name: value for name, value in values.items() if name != "threshold"})
    compare = partial(_compare, threshold=values["threshold"], separation=separation)
    return scores_of(threads.map(compare, rows))


def _compare(row: Row, threshold: float, separation: Separation) -> Counts:
    sample, truth, prediction, relief = row
    found = find_objects(prediction, threshold, separation, relief=relief)
    return count(truth, only_finished(found, sample.finished))
