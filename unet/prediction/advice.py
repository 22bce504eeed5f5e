"""What to say when a result looks wrong: its likely cause, and what may mend it."""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass

import numpy as np

from unet.models.metadata import ModelInfo
from unet.prediction.fitting import middle
from unet.prediction.maps import Prediction
from unet.prediction.object_size import diameter, sizes_of
from unet.prediction.objects import areas_of
from unet.preprocess.adjust import ImageAdjustments
from unet.preprocess.normalize import kind_of
from unet.preprocess.resize import resize_labels

# Shares of the image that nuclei cover: below the first it is as good as empty, above the second as good as full. The
# emptiest of the 664 training images of the 2018 Data Science Bowl has 0.15 %, the fullest 59 %.
NEARLY_EMPTY, NEARLY_FULL = 0.001, 0.8
# How far beyond what the model learned from the usual diameter may lie.
FAR = 1.25
# Share of undecided pixels: below 0.66 for the shipped model and 276 micrographs of four laboratories, above 0.95 where
# fluorescence images are shown to the tutorial's model the other way round.
UNSURE = 0.7
# What the middle one of the objects reaches on the distance map: with UNSURE, it tells 54 of 63 photographs of other
# things in which something is found, and takes one of those 276 micrographs for one of them.
LOW_PEAK = 0.64
# Fewer objects say nothing about the usual size.
FEWEST = 5
# A model whose validation Dice is lower has learned next to nothing.
LITTLE_DICE = 0.5
# The likeliest cause of an empty result comes first: it may be right.
NONE = "Perhaps there are no nuclei in this image."
STRANGE = "The image does not look like those that it learned from; perhaps there are no nuclei in it."


@dataclass(frozen=True)
class Advice:
    """A likely cause and, where there is one, a remedy.

    Attributes
    ----------
    message : str
        What looks wrong, and why it may be so.
    action : str
        What the remedy is called; empty where there is none.
    preparation : ImageAdjustments or None
        The image prepared in another way.
    threshold : float or None
        Another threshold.
    """

    message: str
    action: str = ""
    preparation: ImageAdjustments | None = None
    threshold: float | None = None


def advise(
    image: np.ndarray,
    prediction: Prediction,
    labels: np.ndarray,
    info: ModelInfo,
    threshold: float,
    preparation: ImageAdjustments,
) -> Advice | None:
    """Look at a result and say what seems wrong with it, or return None.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        As it was given, of any depth; a reduced view of it will do.
    prediction : Prediction
        A reduced one will do, too.
    labels : (height, width)
        The objects above the threshold, at the image's own size.
    info : ModelInfo
        Of the model that predicted. ``provenance["object_diameters"]`` says how large the nuclei were that it learned
        from, as ``unet.prediction.object_size.learned_diameters`` gives it.
    threshold : float
        0 to 1.
    preparation : ImageAdjustments
        How the image was prepared.
    """
    if image.size == 0 or image.min() == image.max():
        return Advice("The image has the same value everywhere: there is nothing to find.")
    if info.scores.get("dice", 1.0) < LITTLE_DICE:
        return Advice(
            f"This model has learned little yet: Dice {info.scores['dice']:.2f} on its validation images. "
            "Train it for longer, or choose another model."
        )
    areas = areas_of(labels, int(labels.max(initial=0)))[1:]
    covered = areas.sum() / labels.size
    if covered < NEARLY_EMPTY:
        return _empty(image, prediction, threshold, preparation)
    if covered > NEARLY_FULL:
        return _inverted(preparation, f"Nearly all of the image, {covered:.0%}, is taken for nucleus.")
    if undecided(prediction) > UNSURE:
        return _inverted(preparation, f"The model is unsure of nearly all that it finds. {STRANGE}")
    scale = prediction.seen.scale if prediction.seen else preparation.scale
    if advice := _size(areas[areas > 0], labels.shape, info, dataclasses.replace(preparation, scale=scale)):
        return advice
    if usual_peak(prediction, labels) < LOW_PEAK:
        return Advice(f"The model is unsure of the shape of most objects. {STRANGE}")
    return None


def _empty(image: np.ndarray, prediction: Prediction, threshold: float, preparation: ImageAdjustments) -> Advice:
    if not preparation.invert and undecided(prediction) > UNSURE and kind_of(image).startswith("bright"):
        return _inverted(preparation, f"Almost nothing is found, and the model is unsure of it. {NONE}")
    # Where a hundredth of a percent of the pixels lies.
    highest = float(np.quantile(prediction.probability, 0.9999))
    if threshold > 0.1 and highest > 0.05:
        better = max(0.05, math.floor(highest * 0.6 * 100) / 100)
        if better < threshold:
            return Advice(
                f"Almost nothing lies above {threshold:.2f}; the model's highest probability is {highest:.2f}. {NONE}",
                f"Lower the threshold to {better:.2f}",
                threshold=better,
            )
    if image.ndim == 3 and image.shape[2] > 1 and len(preparation.channels) == 1:
        other = (preparation.channels[0] + 1) % image.shape[2]
        return Advice(
            f"Almost nothing is found in this channel. {NONE} Or they are in another one.",
            f"Try channel {other + 1}",
            dataclasses.replace(preparation, channels=(other,)),
        )
    return _inverted(preparation, f"Almost nothing is found. {NONE}")


def undecided(prediction: Prediction) -> float:
    """Return the share of possible nucleus pixels whose probability is neither clearly high nor clearly low."""
    maybe = prediction.mask(0.1)
    return float((maybe & ~prediction.mask(0.9)).sum() / max(1, maybe.sum()))


def usual_peak(prediction: Prediction, labels: np.ndarray) -> float:
    """Return what the middle one of the objects reaches on the distance map, 0 to 1; 1 for models without that map.

    A network that knows the shape of a nucleus is sure of its middle. Of a large image its middle is looked at.
    """
    if prediction.distances is None:
        return 1.0
    if labels.shape != prediction.shape:
        labels = resize_labels(labels, prediction.shape)
    part = middle(labels.shape)
    labels, distances = labels[part], prediction.distances[part]
    peaks = np.zeros(int(labels.max(initial=0)) + 1, np.uint8)
    there = labels > 0
    np.maximum.at(peaks, labels[there], distances[there])
    found = np.unique(labels[there])
    return float(np.median(peaks[found])) / 255 if len(found) else 1.0


def _inverted(preparation: ImageAdjustments, what: str) -> Advice:
    if preparation.invert:
        return Advice(f"{what} Inverting the contrast does not help; a model trained on such images might.")
    return Advice(
        f"{what} Or the contrast is inverted compared with what the model learned."
        if what.endswith(NONE)
        else f"{what} The contrast may be inverted compared with what the model learned.",
        "Invert the contrast",
        dataclasses.replace(preparation, invert=True),
    )


def _size(areas: np.ndarray, shape: tuple[int, int], info: ModelInfo, preparation: ImageAdjustments) -> Advice | None:
    learned = sizes_of(info)
    if learned is None or len(areas) < FEWEST:
        return None
    config = info.config
    found = diameter(float(np.median(areas)), *shape, config) * (preparation.scale if config.is_native else 1)
    if learned["low"] / FAR <= found <= learned["high"] * FAR:
        return None
    message = (
        f"The objects are unusually {'large' if found > learned['high'] else 'small'} for this model: {found:.0f} "
        f"pixels across, where it learned from {learned['low']:.0f} to {learned['high']:.0f}. They may be "
        f"{'clumps' if found > learned['high'] else 'parts'} of nuclei."
    )
    scale = float(np.clip(round(preparation.scale * learned["median"] / found, 2), 0.1, 8.0))
    if not config.is_native or scale == preparation.scale:
        return Advice(message)
    return Advice(message, f"Try it at {scale:g} times its size", dataclasses.replace(preparation, scale=scale))
