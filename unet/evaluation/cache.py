"""Evaluations on disk, so that none is computed twice; as text to print; and what became of each nucleus."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unet.config import Separation
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.evaluation.evaluate import Evaluation
from unet.evaluation.matching import IOU_THRESHOLDS, Outcomes, measure_overlaps, outcomes
from unet.evaluation.scores import Scores
from unet.files import read_json, write_json
from unet.io.images import read_image
from unet.models.metadata import read_info
from unet.models.weights import WEIGHTS_FILE
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import Settings

# Raised whenever the same model and images would give other scores.
VERSION = 2
MAX_KEPT = 200

# What is printed of each set of images: title, how it is taken from the scores.
TABLE = {
    "score": lambda scores: scores.competition,
    "AP .5": lambda scores: scores.average_precision[0],
    "AP .75": lambda scores: scores.average_precision[5],
    "AP .5-.9": lambda scores: scores.ap_50_90,
    "PQ": lambda scores: scores.panoptic_quality,
    "F1": lambda scores: scores.f1,
    "Dice": lambda scores: scores.dice,
    "IoU": lambda scores: scores.iou,
    "count err": lambda scores: scores.count_error,
}


def to_text(evaluation: Evaluation, worst: int = 5) -> str:
    """Return the scores as tables to print: of all images, of each stain, and of the worst images."""
    separated = "touching nuclei separated" if evaluation.separation.separate else "connected areas"
    lines = [
        f"{evaluation.model} on {evaluation.dataset}: {len(evaluation.images)} images, "
        f"threshold {evaluation.threshold:g}, {separated}",
        f"{'':16} {'images':>6} {'nuclei':>7} {'found':>7} " + " ".join(f"{name:>8}" for name in TABLE),
        _line("all", evaluation.scores()),
        *(_line(stain, evaluation.scores(stain=stain)) for stain in evaluation.stains()),
        "AP at IoU  " + " ".join(f"{threshold:6.2f}" for threshold in IOU_THRESHOLDS),
        f"{'all':10} " + " ".join(f"{value:6.3f}" for value in evaluation.scores().average_precision),
        f"lowest scores{'':24} {'score':>7} {'Dice':>7} {'nuclei':>7} {'found':>7}",
    ]
    rows = evaluation.to_frame().head(worst).itertuples()
    lines += [f"{row.id[:36]:37} {row.competition:7.4f} {row.dice:7.4f} {row.nuclei:7d} {row.found:7d}" for row in rows]
    return "\n".join(lines)


def _line(name: str, scores: Scores) -> str:
    figures = " ".join(f"{value(scores):8.4f}" for value in TABLE.values())
    return f"{name[:16]:16} {scores.images:6d} {scores.nuclei:7,d} {scores.found:7,d} {figures}"


def evaluation_key(model: Path, report: DatasetReport, ids: Collection[str] | None, separation: Separation) -> str:
    """Return what an evaluation at all thresholds is known by: the content of all that it depends on.

    Of the Model folder its weights count and how images are brought to them; its name and own threshold do not.
    """
    content = hashlib.blake2b(digest_size=16)
    content.update((Path(model) / WEIGHTS_FILE).read_bytes())
    config = read_info(model).config.to_dict()
    images = [(each.id, each.group, each.stain) for each in report.usable if ids is None or each.id in ids]
    content.update(json.dumps([VERSION, report.fingerprint, images, config, separation.to_dict()]).encode())
    return content.hexdigest()


def keep_evaluation(key: str, evaluation: Evaluation, settings: Settings) -> None:
    """Write an evaluation to disk; of more than two hundred the oldest go."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{key}.json", evaluation.to_dict())
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-MAX_KEPT]:
        path.unlink(missing_ok=True)


def stored_evaluation(key: str, settings: Settings) -> Evaluation | None:
    """Return the evaluation of that key, or None if there is none that can be read."""
    try:
        return Evaluation.from_dict(read_json(_folder(settings) / f"{key}.json"))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folder(settings: Settings) -> Path:
    return settings.cache / "evaluations"


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
