"""From a probability map and a threshold to objects. Fast enough to follow a slider."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from unet.memmap import folder_of, new_map, release_pages, row_blocks

# Pixels that touch at a corner are connected, as in scikit-image's default.
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
    return labels.astype(label_dtype(labels.max(initial=0)))


def renumber(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Give the objects other numbers.

    Parameters
    ----------
    labels : (height, width) integer
        Where it is mapped, so is the result.
    numbers : (largest label + 1,) integer
        The new number of each label; 0 makes it background.

    Returns
    -------
    (height, width) uint16, or uint32 with numbers above 65,535
    """
    numbers = narrow(numbers)
    result = new_map(labels.shape, numbers.dtype, folder_of(labels))
    for rows in row_blocks(labels.shape):
        result[rows] = numbers[labels[rows]]
        release_pages(labels)
        release_pages(result)
    return result


def areas_of(labels: np.ndarray, count: int) -> np.ndarray:
    """Return the pixels of each number from 0 to ``count``, (count + 1,) int64."""
    areas = np.zeros(count + 1, np.int64)
    for rows in row_blocks(labels.shape):
        part = labels[rows]
        found = part[part > 0]  # most pixels are background, and counting takes longer than looking
        areas += np.bincount(found, minlength=count + 1)
        areas[0] += part.size - len(found)
        release_pages(labels)
    return areas


def edge_labels(labels: np.ndarray) -> np.ndarray:
    """Return the numbers along the four edges of a label map, 0 perhaps among them."""
    edges = (labels[:1], labels[-1:], labels[:, :1], labels[:, -1:])
    return np.unique(np.concatenate([edge.ravel() for edge in edges]))


def fill_objects(labels: np.ndarray) -> np.ndarray:
    """Fill the holes of each object of a label map (height, width).

    A hole is background that cannot be left without crossing the object, neighbours touching at an edge. What other
    objects hold stays theirs, and background between several objects stays background. Of objects inside one another
    the inner ones are filled first.
    """
    labels = labels.copy()
    found = ((number, box) for number, box in enumerate(ndimage.find_objects(labels), start=1) if box)
    for number, box in sorted(found, key=lambda each: _size(each[1])):
        part = labels[box]
        outside, count = ndimage.label(np.pad(part != number, 1, constant_values=True))
        if count > 1:
            part[(outside[1:-1, 1:-1] != outside[0, 0]) & (part == 0)] = number
    return labels


def _size(box: tuple[slice, ...]) -> int:
    return math.prod(part.stop - part.start for part in box)


def label_dtype(largest: int) -> type[np.unsignedinteger]:
    """Return the type of a label map with numbers up to this one."""
    return np.uint16 if largest <= np.iinfo(np.uint16).max else np.uint32


def summarize_labels(labels: np.ndarray) -> Summary:
    """Count and measure the objects of a label map (height, width); numbers may be missing."""
    highest = max((int(labels[rows].max(initial=0)) for rows in row_blocks(labels.shape)), default=0)
    areas = areas_of(labels, highest)[1:]
    count, area = int(np.count_nonzero(areas)), int(areas.sum())
    return Summary(count, area / max(labels.size, 1), area / max(count, 1))
