"""From a prediction to its objects: what lies above the threshold, touching nuclei told apart.

Marker-controlled watershed (Beucher and Meyer, "The morphological approach to segmentation: the watershed
transformation", 1993) on a distance map: the network's own where it has that head, else the Euclidean distance inside
the mask. The whole mask is flooded, so that nuclei keep their size.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.measure import label
from skimage.morphology import local_maxima
from skimage.segmentation import watershed

from unet.config import Separation
from unet.prediction.objects import label_objects, narrow
from unet.prediction.predictor import Prediction

# Pixels: what is narrower makes no nucleus of its own.
SMOOTHING = 1.0


def find_objects(prediction: Prediction, threshold: float, separation: Separation) -> np.ndarray:
    """Number the objects that a prediction shows above a threshold.

    Parameters
    ----------
    prediction : Prediction
    threshold : float
        0 to 1.
    separation : Separation

    Returns
    -------
    (height, width) uint16, or uint32 with more than 65,535 objects
        0 is background, 1 to n the objects.
    """
    mask = prediction.probability > threshold
    labels = _separated(prediction, mask, separation) if separation.separate else label_objects(mask)
    return _without_small(labels, separation.min_area) if separation.min_area > 1 else labels


def _separated(prediction: Prediction, mask: np.ndarray, separation: Separation) -> np.ndarray:
    distance = _distance(prediction, mask)
    # The rim lets an image that is all one nucleus have a top as well.
    tops = local_maxima(np.pad(distance, 1))[1:-1, 1:-1] & mask
    basins = watershed(-distance, label(tops, connectivity=2), mask=mask, connectivity=2)
    peaks = np.zeros(basins.max(initial=0) + 1, np.float32)
    peaks[basins[tops]] = distance[tops]
    heart = 0.0 if prediction.distance is None else separation.heart
    return narrow(_merged(basins, distance, peaks, separation.depth, heart))


def _distance(prediction: Prediction, mask: np.ndarray) -> np.ndarray:
    if prediction.distance is None:
        distance = ndimage.distance_transform_edt(mask)
    else:
        distance = prediction.distance * (1 - prediction.border)
    # Nothing is 0 inside the mask, so that each of its parts has a peak.
    return np.where(mask, ndimage.gaussian_filter(distance.astype(np.float32), SMOOTHING) + 1e-6, 0)


def _merged(basins: np.ndarray, distance: np.ndarray, peaks: np.ndarray, depth: float, heart: float) -> np.ndarray:
    """Merge basins between which no deep valley lies, the highest saddles first; then drop the low ones.

    A valley is deep where it falls by at least ``depth`` of the lower peak's height: a share, so that small and large
    nuclei are treated alike.
    """
    into, height = list(range(len(peaks))), peaks.tolist()

    def root(number: int) -> int:
        while into[number] != number:
            into[number] = number = into[into[number]]
        return number

    for one, other, saddle in _saddles(basins, distance):
        lower, higher = sorted((root(one), root(other)), key=height.__getitem__)
        if lower != higher and saddle > (1 - depth) * height[lower]:
            into[lower] = higher
    roots = np.array([root(number) for number in range(len(into))])
    roots[peaks[roots] < heart] = 0
    return np.unique(np.append(0, roots), return_inverse=True)[1][1:][basins]


def _saddles(basins: np.ndarray, distance: np.ndarray) -> list[tuple[int, int, float]]:
    """Return each pair of neighbouring basins and the height of the pass between them, the highest first."""
    found = []
    for shifted in ((0, 1), (1, 0), (1, 1), (1, -1)):
        here, there = _neighbours(basins.shape, shifted)
        one, other = basins[here], basins[there]
        meets = (one != other) & (one > 0) & (other > 0)
        low, high = np.sort([one[meets], other[meets]], axis=0)
        found.append(np.stack([low, high, np.minimum(distance[here][meets], distance[there][meets])]))
    low, high, saddle = np.concatenate(found, axis=1)
    order = np.argsort(-saddle, kind="stable")
    # Of each pair the first is its highest.
    _, first = np.unique((low * basins.max() + high)[order], return_index=True)
    kept = order[np.sort(first)]
    return list(
        zip(low[kept].astype(int).tolist(), high[kept].astype(int).tolist(), saddle[kept].tolist(), strict=True)
    )


def _neighbours(shape: tuple[int, int], shifted: tuple[int, int]) -> tuple[tuple[slice, slice], tuple[slice, slice]]:
    """Return the slices of an array and of itself shifted by a row and a column, where they overlap."""
    down, right = shifted
    rows = slice(0, shape[0] - down), slice(down, shape[0])
    columns = slice(max(0, -right), shape[1] - max(0, right)), slice(max(0, right), shape[1] - max(0, -right))
    return (rows[0], columns[0]), (rows[1], columns[1])


def _without_small(labels: np.ndarray, min_area: int) -> np.ndarray:
    kept = np.bincount(labels.ravel()) >= min_area
    kept[0] = False
    return narrow(np.where(kept, np.cumsum(kept), 0)[labels])
