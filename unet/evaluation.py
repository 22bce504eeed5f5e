"""How well a model segments images whose nuclei are known: Dice, IoU and counts, at the images' own size."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.data.dataset import Dataset
from unet.data.images import read_image
from unet.data.report import DatasetReport, SampleReport, read_labels
from unet.errors import DatasetError
from unet.prediction.objects import label_objects
from unet.prediction.predictor import MAX_BATCH, Prediction, Predictor
from unet.settings import Settings

if TYPE_CHECKING:
    import pandas


def dice(shared: float, total: float) -> float:
    """Return the Dice coefficient 2 |A∩B| / (|A| + |B|) (Dice, Ecology 26, 1945; Sørensen, 1948).

    Parameters
    ----------
    shared : float
        |A∩B|: pixels that are foreground in both.
    total : float
        |A| + |B|. Where it is 0, both are empty and agree: 1.
    """
    return 2 * shared / total if total else 1.0


def iou(shared: float, total: float) -> float:
    """Return the intersection over union |A∩B| / |A∪B| (Jaccard, New Phytologist 11, 1912).

    Takes what ``dice`` takes; |A∪B| is |A| + |B| - |A∩B|. Both empty: 1.
    """
    return shared / (total - shared) if total else 1.0


@dataclass(frozen=True)
class ImageScore:
    """The scores of one image. ``nuclei`` are those of the masks, ``predicted`` those found."""

    id: str
    height: int
    width: int
    dice: float
    iou: float
    nuclei: int
    predicted: int
    group: str | None = None
    stain: str | None = None


@dataclass(frozen=True)
class Evaluation:
    """The scores of a model on a dataset.

    Attributes
    ----------
    images : tuple of ImageScore
    dice, iou : float
        Means over the images: each image counts alike.
    pooled_dice, pooled_iou : float
        Over all pixels of all images together: large images count more.
    nuclei, predicted : int
        Sums over the images.
    """

    model: str
    dataset: str
    threshold: float
    images: tuple[ImageScore, ...]
    dice: float
    iou: float
    pooled_dice: float
    pooled_iou: float
    nuclei: int
    predicted: int

    def to_dict(self) -> dict[str, Any]:
        """Return all scores as JSON types."""
        return dataclasses.asdict(self)

    def to_frame(self) -> pandas.DataFrame:
        """Return one row an image."""
        import pandas

        return pandas.DataFrame(
            [dataclasses.asdict(image) for image in self.images],
            columns=[item.name for item in dataclasses.fields(ImageScore)],
        )

    def to_text(self, worst: int = 5) -> str:
        """Return the scores as a table to print, with the images of the lowest Dice."""
        lines = [
            f"{self.model} on {self.dataset}: {len(self.images)} images, threshold {self.threshold:g}",
            f"{'':24} {'Dice':>7} {'IoU':>7}",
            f"{'mean over images':24} {self.dice:7.4f} {self.iou:7.4f}",
            f"{'all pixels together':24} {self.pooled_dice:7.4f} {self.pooled_iou:7.4f}",
            f"nuclei: {self.nuclei:,} in the masks, {self.predicted:,} found",
            f"lowest Dice{'':13} {'Dice':>7} {'IoU':>7} {'nuclei':>7} {'found':>7}",
        ]
        for image in sorted(self.images, key=lambda score: score.dice)[:worst]:
            figures = f"{image.dice:7.4f} {image.iou:7.4f} {image.nuclei:7d} {image.predicted:7d}"
            lines.append(f"{image.id[:24]:24} {figures}")
        return "\n".join(lines)


def evaluate(
    predictor: Predictor,
    dataset: Dataset,
    report: DatasetReport,
    settings: Settings,
    threshold: float | None = None,
    progress: Callable[[int, int], None] | None = None,
    *,
    ids: Collection[str] | None = None,
) -> Evaluation:
    """Score a model on every usable sample, at the image's own size.

    With several classes, Dice and IoU are means over the foreground classes that the masks or the model show:
    of the image for an image's score, of any image for the pooled one.

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
        Takes the number of images done and their total.
    ids : collection of str, optional
        Only these samples, such as a run's validation set.

    Raises
    ------
    DatasetError
        If no sample is left to score on, or a mask holds a class that the model does not have.
    """
    threshold = predictor.info.threshold if threshold is None else threshold
    samples = [sample for sample in report.usable if ids is None or sample.id in ids]
    if not samples:
        raise DatasetError(f"{dataset.name} has no image with a mask to score on.")
    scores, counts = [], np.zeros((max(1, predictor.info.config.classes - 1), 2), np.int64)
    for sample, truth, prediction in _predictions(predictor, dataset, samples, settings):
        score, pixels = _score(sample, truth, prediction, threshold, predictor.info.config.classes)
        scores.append(score)
        counts += pixels
        if progress:
            progress(len(scores), len(samples))
    pooled = _mean_scores(counts)
    return Evaluation(
        model=predictor.info.name,
        dataset=dataset.name,
        threshold=threshold,
        images=tuple(scores),
        dice=float(np.mean([score.dice for score in scores])),
        iou=float(np.mean([score.iou for score in scores])),
        pooled_dice=pooled[0],
        pooled_iou=pooled[1],
        nuclei=sum(score.nuclei for score in scores),
        predicted=sum(score.predicted for score in scores),
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


def _score(
    sample: SampleReport, truth: np.ndarray, prediction: Prediction, threshold: float, classes: int
) -> tuple[ImageScore, np.ndarray]:
    found = prediction.class_map(threshold)
    if classes == 1:
        nuclei, truth = sample.nuclei, (truth > 0).astype(np.uint8)
    else:
        nuclei = int(label_objects(truth > 0).max(initial=0))
        if truth.max(initial=0) >= classes:
            raise DatasetError(
                f"The mask of {sample.id} holds class {truth.max()}; the model knows 0 to {classes - 1}."
            )
    pixels = count_pixels(truth, found, max(2, classes))
    image_dice, image_iou = _mean_scores(pixels)
    score = ImageScore(
        id=sample.id,
        height=truth.shape[0],
        width=truth.shape[1],
        dice=image_dice,
        iou=image_iou,
        nuclei=nuclei,
        predicted=int(label_objects(found > 0).max(initial=0)),
        group=sample.group,
        stain=sample.stain,
    )
    return score, pixels


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


def _mean_scores(pixels: np.ndarray) -> tuple[float, float]:
    """Return the means of Dice and IoU over the classes that occur; where none does, both sides agree: 1."""
    present = [(int(shared), int(total)) for shared, total in pixels if total] or [(0, 0)]
    return (
        float(np.mean([dice(*counts) for counts in present])),
        float(np.mean([iou(*counts) for counts in present])),
    )
