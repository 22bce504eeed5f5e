"""What a network with heads learns: beside the mask, where nuclei touch and how far their edge is."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

# Pixels on each side of the line along which two nuclei touch.
BORDER_REACH = 2


def make_targets(labels: np.ndarray) -> np.ndarray:
    """Turn a label map into the maps that the network learns.

    Parameters
    ----------
    labels : (height, width) integer
        0 is background, each nucleus has a number of its own.

    Returns
    -------
    (height, width, 3) uint8
        Mask, border and distance, each 0 to 255 for 0 to 1. The border is where two nuclei lie within two pixels
        (the touching-border class of the 2018 Data Science Bowl's best entries). The distance is Euclidean, from the
        nucleus' edge inwards, as a share of that nucleus' greatest, so that a seed means the same in all sizes
        (compare Naylor et al., "Segmentation of nuclei in histopathology images by deep regression of the distance
        map", IEEE TMI 2019).
    """
    targets = np.zeros((*labels.shape, 3), np.uint8)
    targets[..., 0] = np.where(labels > 0, 255, 0)
    targets[..., 1] = np.where(touching_border(labels), 255, 0)
    for label, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            inside = labels[box] == label
            # A rim of background, so that the image's border counts as an edge like any other.
            distance = ndimage.distance_transform_edt(np.pad(inside, 1))[1:-1, 1:-1]
            np.copyto(targets[(*box, 2)], np.rint(distance * (255 / distance.max())).astype(np.uint8), where=inside)
    return targets


def touching_border(labels: np.ndarray) -> np.ndarray:
    """Return where (height, width) bool pixels of two nuclei lie within ``BORDER_REACH``."""
    size = 2 * BORDER_REACH + 1
    numbers = labels.astype(np.int32)
    highest = ndimage.maximum_filter(numbers, size)
    # Background must not count as the lowest number.
    lowest = ndimage.minimum_filter(np.where(numbers > 0, numbers, np.iinfo(np.int32).max), size)
    return (highest > 0) & (highest != lowest)
