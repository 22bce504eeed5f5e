"""How well a model segments images whose nuclei are known, at the images' own size and at many thresholds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.config import Separation
from unet.datasets.finished import only_finished
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import DatasetError
from unet.evaluation.scores import Counts, Scores, count, dice, iou, scores_of
from unet.io.images import read_image
from unet.memmap import LARGE_PIXELS
from unet.parallel import WORKERS
from unet.prediction.maps import Prediction
from unet.prediction.objects import label_objects
from unet.prediction.predictor import MAX_BATCH, Predictor
from unet.prediction.separation import find_objects, relief_of
from unet.settings import Settings

if TYPE_CHECKING:
    import pandas

# What a curve over the threshold is made of.
THRESHOLDS = tuple(round(0.05 * step, 2) for step in range(1, 20))
COLUMNS = ("competition", "dice", "iou", "precision", "recall", "f1", "panoptic_quality", "count_error")


@dataclass(frozen=True)
class EvaluatedImage:
    """One image that a model was scored on."""

    id: str
    height: int
    width: int
    group: str | None = None
    stain: str | None = None
    kind: str | None = None

    @classmethod
    def of(cls, sample: SampleReport) -> EvaluatedImage:
        """Take over what a dataset's report says of an image."""
        return cls(sample.id, sample.height, sample.width, sample.group, sample.stain, sample.kind)


@dataclass(frozen=True)
class Evaluation:
    """The scores of a model on a dataset, at one threshold or many.

    Attributes
    ----------
    model, dataset : str
    threshold : float
        The one that counts where none is named.
    separation : Separation
        How touching nuclei were separated.
    thresholds : tuple of float
    images : tuple of EvaluatedImage
    counts : tuple of tuple of Counts
        For each threshold, for each image.
    """

    model: str
    dataset: str
    threshold: float
    separation: Separation
    thresholds: tuple[float, ...]
    images: tuple[EvaluatedImage, ...]
    counts: tuple[tuple[Counts, ...], ...]

    def counts_at(self, threshold: float | None = None) -> tuple[Counts, ...]:
        """Return each image's counts at the nearest threshold that was measured."""
        wanted = self.threshold if threshold is None else threshold
        return self.counts[int(np.argmin(np.abs(np.array(self.thresholds) - wanted)))]

    def scores(
        self, threshold: float | None = None, stain: str | None = None, *, unless: Collection[str] = ()
    ) -> Scores:
        """Return the scores of all images together, or of those of one stain; without those ``unless`` kinds."""
        counts = zip(self.images, self.counts_at(threshold), strict=True)
        return scores_of([each for image, each in counts if stain in (None, image.stain) and image.kind not in unless])

    def stains(self) -> list[str]:
        """Return the stains that there are."""
        return sorted({image.stain for image in self.images if image.stain})

    def only(self, ids: Collection[str]) -> Evaluation:
        """Return the evaluation of some of its images, at least of one."""
        kept = [place for place, image in enumerate(self.images) if image.id in ids]
        return dataclasses.replace(
            self,
            images=tuple(self.images[place] for place in kept),
            counts=tuple(tuple(row[place] for place in kept) for row in self.counts),
        )

    def best_threshold(self) -> float:
        """Return the threshold of the highest competition score."""
        return max(self.thresholds, key=lambda threshold: self.scores(threshold).competition)

    def curve(self) -> pandas.DataFrame:
        """Return a row a threshold: Dice, IoU, pooled average precision at IoU .5, competition score, count error."""
        import pandas

        rows = []
        for threshold in self.thresholds:
            scores = self.scores(threshold)
            row = {name: getattr(scores, name) for name in ("dice", "iou", "competition", "count_error")}
            rows.append({"threshold": threshold, **row, "average_precision": scores.average_precision[0]})
        return pandas.DataFrame(rows)

    def to_frame(self, threshold: float | None = None) -> pandas.DataFrame:
        """Return one row per image, the lowest competition score first."""
        import pandas

        return pandas.DataFrame(self.rows(threshold))

    def rows(self, threshold: float | None = None) -> list[dict[str, Any]]:
        """Return what ``to_frame`` holds; here a group or stain that is missing is None, not NaN as in pandas."""
        rows = []
        for image, counts in zip(self.images, self.counts_at(threshold), strict=True):
            scores = scores_of(counts)
            row = dataclasses.asdict(image) | {"nuclei": scores.nuclei, "found": scores.found}
            row["average_precision"] = scores.average_precision[0]
            rows.append(row | {name: getattr(scores, name) for name in COLUMNS})
        return sorted(rows, key=lambda row: row["competition"])

    def to_dict(self) -> dict[str, Any]:
        """Return all counts as JSON types, and the scores made of them."""
        return {
            **dataclasses.asdict(self),
            "separation": self.separation.to_dict(),
            "scores": self.scores().to_dict(),
            "stains": {stain: self.scores(stain=stain).to_dict() for stain in self.stains()},
            "table": self.rows(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Evaluation:
        """Make the evaluation from what ``to_dict`` gave."""
        return cls(
            model=data["model"],
            dataset=data["dataset"],
            threshold=data["threshold"],
            separation=Separation.from_dict(data["separation"]),
            thresholds=tuple(data["thresholds"]),
            images=tuple(EvaluatedImage(**image) for image in data["images"]),
            counts=tuple(tuple(map(Counts.from_dict, row)) for row in data["counts"]),
        )


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    report: DatasetReport,
    settings: Settings,
    threshold: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    ids: Collection[str] | None = None,
    separation: Separation | None = None,
    thresholds: Sequence[float] = (),
) -> Evaluation:
    """Score a model on every usable sample; each image is predicted once, whatever the number of thresholds.

    Of an image that is labelled in part, only what lies in its finished rectangles counts.

    With several classes, what counts as an object is a connected area of foreground; Dice and IoU of an image are
    means over the foreground classes that its mask or the model shows.

    Parameters
    ----------
    predictor : Predictor
    dataset : Dataset
    report : DatasetReport
        Of the dataset.
    settings : Settings
        Its limit on image size holds.
    threshold : float, optional
        0 to 1; by default the one stored with the model.
    progress : callable, optional
        Takes the number of images done and their total; what it raises ends the work.
    ids : collection of str, optional
        Only these samples, such as a run's validation set.
    separation : Separation, optional
        By default the one stored with the model.
    thresholds : sequence of float
        Others to score at besides, such as ``THRESHOLDS``.

    Raises
    ------
    DatasetError
        If no sample is left to score on, or a mask holds a class that the model does not have.
    """
    threshold = predictor.info.threshold if threshold is None else threshold
    separation = predictor.info.separation if separation is None else separation
    samples = [sample for sample in report.usable if ids is None or sample.id in ids]
    if not samples:
        raise DatasetError(f"{dataset.name} has no image with a mask to score on.")
    wanted = tuple(sorted({threshold, *thresholds}))
    rows = []
    with ThreadPoolExecutor(WORKERS, thread_name_prefix="scores") as threads:
        for sample, labels, prediction in _predictions(predictor, dataset, samples, settings):
            truth = only_finished(labels, sample.finished)
            # The same for all thresholds; a large image is worked on in tiles, each with its own.
            relief = relief_of(prediction) if separation.separate and truth.size <= LARGE_PIXELS else None
            compare = partial(_compare, sample, truth, prediction, relief, separation, predictor.info.config.classes)
            rows.append(tuple(threads.map(compare, wanted)))
            if progress:
                progress(len(rows), len(samples))
    return Evaluation(
        model=predictor.info.name,
        dataset=dataset.name,
        threshold=threshold,
        separation=separation,
        thresholds=wanted,
        images=tuple(EvaluatedImage.of(sample) for sample in samples),
        counts=tuple(zip(*rows, strict=True)),
    )


def _predictions(
    predictor: Predictor, dataset: Dataset, samples: Sequence[SampleReport], settings: Settings
) -> Iterator[tuple[SampleReport, np.ndarray, Prediction]]:
    """Yield each sample with its label map and prediction; the next batch is read while one is predicted."""
    files = {sample.id: sample.image for sample in dataset.samples()}

    def read(part: Sequence[SampleReport]) -> tuple[list[np.ndarray], list[np.ndarray]]:
        images = [read_image(files[sample.id], max_megapixels=settings.max_image_megapixels) for sample in part]
        return images, [read_labels(dataset, sample.id) for sample in part]

    parts = [samples[start : start + MAX_BATCH] for start in range(0, len(samples), MAX_BATCH)]
    with ThreadPoolExecutor(max_workers=1) as reader:
        coming = reader.submit(read, parts[0])
        for index, part in enumerate(parts):
            images, truths = coming.result()
            if index + 1 < len(parts):
                coming = reader.submit(read, parts[index + 1])
            yield from zip(part, truths, predictor.predict_batch(images), strict=True)


def _compare(
    sample: SampleReport,
    truth: np.ndarray,
    prediction: Prediction,
    relief: np.ndarray | None,
    separation: Separation,
    classes: int,
    threshold: float,
) -> Counts:
    if classes == 1:
        found = find_objects(prediction, threshold, separation, relief=relief)
        return count(truth, only_finished(found, sample.finished))
    if truth.max(initial=0) >= classes:
        raise DatasetError(f"The mask of {sample.id} holds class {truth.max()}; the model knows 0 to {classes - 1}.")
    found = only_finished(prediction.class_map(threshold), sample.finished)
    pixels = count_pixels(truth, found, classes)
    present = pixels[pixels[:, 1] > 0]
    objects = count(label_objects(truth > 0), label_objects(found > 0))
    return dataclasses.replace(
        objects,
        shared=int(pixels[:, 0].sum()),
        total=int(pixels[:, 1].sum()),
        dice_sum=float(np.mean([dice(*each) for each in present])) if len(present) else 1.0,
        pixel_iou_sum=float(np.mean([iou(*each) for each in present])) if len(present) else 1.0,
    )


def count_pixels(truth: np.ndarray, found: np.ndarray, classes: int) -> np.ndarray:
    """Return |A∩B| and |A| + |B| of each foreground class, (classes - 1, 2) int64.

    Parameters
    ----------
    truth, found : (height, width) integer
        Class indices below ``classes``; 0 is background and does not count.
    """
    pairs = truth.astype(np.intp).ravel() * classes + found.ravel()
    table = np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)
    shared = np.diagonal(table)
    return np.stack([shared, table.sum(axis=0) + table.sum(axis=1)], axis=1)[1:]
