"""The scales at which a model knows the nuclei of an image, found by a coarse look at it.

A network that learned from nuclei of 10 to 50 pixels cuts one of 100 to pieces. So the image is first seen small: where
its nuclei are larger than any that the model learned, it is predicted at a scale that makes them usual ones. Where they
are not small as the network then sees them, a second view at half that scale joins, and the mean of both counts: on
images unlike those learned from, each view errs in its own way.
"""

from __future__ import annotations

import dataclasses
import math

import numpy as np

from unet.models.metadata import ModelInfo
from unet.prediction.maps import Prediction
from unet.prediction.object_size import sizes_of
from unet.prediction.objects import areas_of
from unet.prediction.separation import find_objects

# The first look: nuclei of the greatest learned size are then still some 18 pixels across, and it costs an eighth.
COARSE = 0.35
# Of a larger image its middle is looked at; in the first view, which costs more to look at, less of it.
LOOKED_AT, CLOSELY = 1536, 768
# Fewer objects say nothing about the usual size.
FEWEST = 3
SMALLEST_SCALE = 0.1
# How far beyond the greatest learned size nuclei must lie: nearer to it, most images lose more than they gain. In a
# second view they must be larger than the smallest learned ones by as much.
FAR = 1.25
# They are then brought to the usual size times this: their edges are drawn finer than at the usual size itself.
FITTED = 1.41
# Scale of the second view, as a share of the first.
SECOND = 0.5


def middle(shape: tuple[int, ...], most: int = LOOKED_AT) -> tuple[slice, slice]:
    """Return the rows and columns of the middle of an image of some shape, at most so many pixels high and wide."""
    top, left = (max(0, (length - most) // 2) for length in shape[:2])
    return slice(top, top + most), slice(left, left + most)


def usual_diameter(prediction: Prediction, info: ModelInfo) -> float | None:
    """Return the diameter, in pixels of the prediction, of the nuclei that cover most of what is covered.

    Half of the area found belongs to nuclei that are at least as large: debris and parts, however many, say little.
    None where fewer than ``FEWEST`` are found.
    """
    separation = dataclasses.replace(info.separation, separate=True, clear_edge=False)
    labels = find_objects(prediction, info.threshold, separation)
    areas = np.sort(areas_of(labels, int(labels.max(initial=0)))[1:])
    if len(areas) < FEWEST:
        return None
    covered = np.cumsum(areas)
    return math.sqrt(4 / math.pi * float(areas[np.searchsorted(covered, covered[-1] / 2)]))


def fitted_scale(across: float | None, info: ModelInfo) -> float:
    """Return the scale for an image whose nuclei are so many pixels across: 1 but where they are too large.

    Parameters
    ----------
    across : float or None
        As ``usual_diameter`` gives it, in pixels of the image.
    info : ModelInfo
        Of the model, which says how large the nuclei were that it learned from.
    """
    learned = sizes_of(info)
    if across is None or learned is None or across <= FAR * learned["high"]:
        return 1.0
    return max(SMALLEST_SCALE, round(FITTED * learned["median"] / across, 2))


def gains_by_second_view(across: float | None, info: ModelInfo) -> bool:
    """Return whether the mean with a view at half the scale finds more in an image than one view.

    Parameters
    ----------
    across : float or None
        As ``usual_diameter`` gives it, in pixels of what the network sees. By a coarse look it is never too small, but
        often too large: small nuclei that are close to each other look like one.
    info : ModelInfo
        Of the model, which says how large the nuclei were that it learned from.
    """
    learned = sizes_of(info)
    return across is not None and learned is not None and across * SECOND >= FAR * learned["low"]
