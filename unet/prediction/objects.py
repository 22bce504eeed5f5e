"""From a probability map and a threshold to objects. Fast enough to follow a slider."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

# Pixels that touch at a corner belong together, as in scikit-image's default.
EIGHT_CONNECTED = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Summary:
    """What a threshold finds in one image.

    Attributes
    ----------
    count : int
        Objects: connected areas of foreground.
    covered : float
        Share of the image that is foreground, 0 to 1.
    mean_area : float
        Mean area of an object, in pixels; 0 where there is none.
    """

    count: int
    covered: float
    mean_area: float


def threshold_map(probability: np.ndarray, threshold: float) -> np.ndarray:
    """Return the mask (height, width) bool of the pixels whose probability lies above the threshold."""
    return probability > threshold


def label_objects(mask: np.ndarray) -> np.ndarray:
    """Number the connected areas of a mask.

    Parameters
    ----------
    mask : (height, width)
        Foreground where not 0.

    Returns
    -------
    (height, width) uint16, or uint32 with more than 65,535 objects
        0 is background, 1 to n the objects, in the order in which their topmost rows come.
    """
    labels, _ = ndimage.label(mask, structure=EIGHT_CONNECTED)
    return narrow(labels)


def narrow(labels: np.ndarray) -> np.ndarray:
    """Return a label map as uint16, or as uint32 with numbers above 65,535."""
    return labels.astype(np.uint16 if labels.max(initial=0) <= np.iinfo(np.uint16).max else np.uint32)


def summarize_labels(labels: np.ndarray) -> Summary:
    """Count and measure the objects of a label map (height, width), numbered from 1 without gaps."""
    count = int(labels.max(initial=0))
    area = int(np.count_nonzero(labels))
    return Summary(count, area / max(labels.size, 1), area / max(count, 1))


def summarize(probability: np.ndarray, threshold: float) -> Summary:
    """Count and measure what a threshold finds in a probability map (height, width), values 0 to 1."""
    return summarize_labels(label_objects(threshold_map(probability, threshold)))
