"""What turns a trained model's maps into nuclei: its threshold and separation, chosen when the training ends."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from unet.models.folder import update_info
from unet.models.registry import find_model
from unet.runs.state import RunInfo
from unet.settings import Settings
from unet.training.inputs.load import TrainingData

log = logging.getLogger("unet")

Progress = Callable[[int, int], None]


def tune_model(folder: Path, info: RunInfo, data: TrainingData, settings: Settings, progress: Progress) -> None:
    """Choose a model's threshold and separation on the validation images, at their own size.

    Raises
    ------
    DatasetError, ImageError
        If the images are gone.
    """
    from unet.evaluation.tune import tune
    from unet.prediction.predictor import Predictor

    predictor = Predictor.open(folder)
    tuned = tune(predictor, data.dataset, data.report, settings, set(info.validation_ids), progress)
    scores = {
        **predictor.info.scores,
        "competition": tuned.scores.competition,
        "average_precision": tuned.scores.average_precision[0],
        "image_dice": tuned.scores.dice,
    }
    update_info(folder, threshold=tuned.threshold, separation=tuned.separation, scores=scores)
    log.info("Threshold %.2f, %s: score %.4f", tuned.threshold, tuned.separation, tuned.scores.competition)


def nudge_model(folder: Path, info: RunInfo, data: TrainingData, settings: Settings, progress: Progress) -> None:
    """Move the start's threshold towards what nuclei corrected by hand ask for, as far as the weights have moved.

    What is kept out says nothing here: it is there to score on.

    Raises
    ------
    ModelError
        If the start is gone.
    DatasetError, ImageError
        If the images are.
    """
    from unet.evaluation.nudge import nudged_threshold
    from unet.prediction.predictor import Predictor

    config = info.config.training
    start = Predictor.open(find_model(config.start_from, settings).folder)
    ids = set(info.train_ids)
    wanted = nudged_threshold(Predictor.open(folder), start, data.dataset, data.report, settings, ids, progress)
    threshold = round(config.start_share * start.info.threshold + (1 - config.start_share) * wanted, 2)
    update_info(folder, threshold=threshold)
    log.info("Threshold %.2f: the corrected nuclei would have %.2f.", threshold, wanted)
