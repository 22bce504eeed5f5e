"""From a prediction to its objects: what lies above the threshold, touching nuclei separated.

Marker-controlled watershed (Beucher and Meyer, "The morphological approach to segmentation: the watershed
transformation", 1993) on a distance map: the network's own where it has that head, else the Euclidean distance inside
the mask. The whole mask is flooded, so that nuclei keep their size.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from unet.config import Separation
from unet.memmap import LARGE_PIXELS
from unet.prediction.maps import Prediction
from unet.prediction.objects import (
    EIGHT_CONNECTED,
    areas_of,
    edge_labels,
    fill_objects,
    label_objects,
    narrow,
    renumber,
)
from unet.prediction.stitching import stitched

# Pixels: what is narrower makes no nucleus of its own.
SMOOTHING = 1.0


def find_objects(
    prediction: Prediction,
    threshold: float,
    separation: Separation,
    progress: Callable[[int, int], None] | None = None,
    relief: np.ndarray | None = None,
) -> np.ndarray:
    """Number the objects that a prediction shows above a threshold.

    Parameters
    ----------
    prediction : Prediction
        Of more than ``LARGE_PIXELS`` it is worked on tile by tile (``unet.prediction.stitching``).
    threshold : float
        0 to 1.
    separation : Separation
    progress : callable, optional
        Takes the number of tiles done and their total; what it raises ends the work.
    relief : (height, width) float32, optional
        As ``relief_of`` gives it, if it is at hand: a third of the work, and the same for all thresholds.

    Returns
    -------
    (height, width) uint16, or uint32 with more than 65,535 objects
        0 is background, 1 to n the objects. Mapped, if the prediction is mapped.
    """
    find = partial(_objects, threshold=threshold, separation=separation)
    if math.prod(prediction.shape) > LARGE_PIXELS:
        # Parts of one connected area are one object, however little of them both tiles see.
        labels, numbers = stitched(prediction, find, 0.5 if separation.separate else 0.0, progress)
    else:
        labels = find(prediction, relief=relief)
        numbers = np.arange(int(labels.max(initial=0)) + 1)
    return _chosen(labels, numbers, separation)


def relief_of(prediction: Prediction) -> np.ndarray | None:
    """Return how far inside a nucleus each pixel lies, (height, width) float32, smoothed; None without such heads."""
    distance, border = prediction.distance, prediction.border
    if distance is None or border is None:
        return None
    return ndimage.gaussian_filter(distance * (1 - border), SMOOTHING)


def _objects(
    prediction: Prediction, threshold: float, separation: Separation, relief: np.ndarray | None = None
) -> np.ndarray:
    if separation.separate:
        labels = separation_stages(prediction, threshold, separation, relief).objects
    else:
        labels = label_objects(prediction.mask(threshold))
    return fill_objects(labels) if separation.fill_holes else labels


def _chosen(labels: np.ndarray, numbers: np.ndarray, separation: Separation) -> np.ndarray:
    """Give the labels their numbers, less those of the objects that are left out."""
    parts = areas_of(labels, len(numbers) - 1)
    kept = np.bincount(numbers, weights=parts) >= max(1, separation.min_area)
    kept[0] = False
    if separation.clear_edge:
        kept[numbers[edge_labels(labels)]] = False
    return renumber(labels, np.where(kept, np.cumsum(kept), 0)[numbers])


@dataclass(frozen=True)
class Stages:
    """What lies between a prediction and its objects, each (height, width).

    Attributes
    ----------
    mask : bool
        Above the threshold.
    distance : float32
        From the edge, smoothed: the land that is flooded from its peaks down. 0 outside the mask.
    tops : bool
        The peaks of it.
    basins : integer
        The number of the peak whose flood arrives first.
    objects : integer
        Basins between which no deep valley lies are one; those with a low peak are gone.
    """

    mask: np.ndarray
    distance: np.ndarray
    tops: np.ndarray
    basins: np.ndarray
    objects: np.ndarray


def separation_stages(
    prediction: Prediction, threshold: float, separation: Separation, relief: np.ndarray | None = None
) -> Stages:
    """Separate touching nuclei, step by step; before holes are filled and small objects left out."""
    mask = prediction.mask(threshold)
    distance = _distance(prediction, mask, relief)
    # The rim lets an image that is all one nucleus have a top as well.
    tops = local_maxima(np.pad(distance, 1))[1:-1, 1:-1] & mask
    basins = _flooded(distance, label(tops, connectivity=2), mask)
    peaks = np.zeros(basins.max(initial=0) + 1, np.float32)
    peaks[basins[tops]] = distance[tops]
    min_peak_distance = 0.0 if prediction.distances is None else separation.min_peak_distance
    objects = narrow(_merged(basins, distance, peaks, separation.min_valley_depth, min_peak_distance))
    return Stages(mask, distance, tops, basins, objects)


def _flooded(distance: np.ndarray, markers: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Give each pixel of the mask its marker's number: by watershed, the slowest step, only where there is a choice."""
    areas, count = ndimage.label(mask, structure=EIGHT_CONNECTED)
    at = np.flatnonzero(markers)
    area, marker = areas.ravel()[at], markers.ravel()[at]
    lowest, highest = np.full(count + 1, np.iinfo(markers.dtype).max, markers.dtype), np.zeros(count + 1, markers.dtype)
    np.minimum.at(lowest, area, marker)
    np.maximum.at(highest, area, marker)
    shared = lowest < highest
    only = np.where(shared, 0, highest)[areas]
    if not shared.any():
        return only
    return only + watershed(-distance, markers, mask=shared[areas], connectivity=2)


def _distance(prediction: Prediction, mask: np.ndarray, relief: np.ndarray | None) -> np.ndarray:
    if relief is None:
        relief = relief_of(prediction)
    if relief is None:
        inside = np.asarray(ndimage.distance_transform_edt(mask), np.float32)
        relief = ndimage.gaussian_filter(inside, SMOOTHING)
    # Nothing is 0 inside the mask, so that each of its parts has a peak.
    return np.where(mask, relief + 1e-6, 0)


def _merged(
    basins: np.ndarray, distance: np.ndarray, peaks: np.ndarray, min_valley_depth: float, min_peak_distance: float
) -> np.ndarray:
    """Merge basins between which no deep valley lies, the highest saddles first; then drop the low ones.

    A valley is deep where it falls by at least ``min_valley_depth`` of the lower peak's height: a share, so that
    small and large nuclei are treated alike.
    """
    into, height = list(range(len(peaks))), peaks.tolist()

    def root(number: int) -> int:
        while into[number] != number:
            into[number] = number = into[into[number]]
        return number

    for one, other, saddle in _saddles(basins, distance):
        lower, higher = sorted((root(one), root(other)), key=height.__getitem__)
        if lower != higher and saddle > (1 - min_valley_depth) * height[lower]:
            into[lower] = higher
    roots = np.array([root(number) for number in range(len(into))])
    roots[peaks[roots] < min_peak_distance] = 0
    return np.unique(np.append(0, roots), return_inverse=True)[1][1:][basins]


def _saddles(basins: np.ndarray, distance: np.ndarray) -> list[tuple[int, int, float]]:
    """Return each pair of neighbouring basins and the height of the pass between them, the highest first."""
    # A rim of background: each pixel then has all its neighbours, and all pixels lie in one row.
    numbers, heights = np.pad(basins, 1).ravel(), np.pad(distance, 1).ravel()
    inside = np.flatnonzero(numbers)
    mine, width = numbers[inside], basins.shape[1] + 2
    found = []
    for step in (1, width, width + 1, width - 1):
        theirs = numbers[inside + step]
        meets = np.flatnonzero((theirs > 0) & (theirs != mine))
        here = inside[meets]
        low, high = np.sort([mine[meets], theirs[meets]], axis=0)
        found.append(np.stack([low, high, np.minimum(heights[here], heights[here + step])]))
    low, high, saddle = np.concatenate(found, axis=1)
    order = np.argsort(-saddle, kind="stable")
    # Of each pair the first is its highest.
    _, first = np.unique((low * basins.max() + high)[order], return_index=True)
    kept = order[np.sort(first)]
    return list(
        zip(low[kept].astype(int).tolist(), high[kept].astype(int).tolist(), saddle[kept].tolist(), strict=True)
    )
