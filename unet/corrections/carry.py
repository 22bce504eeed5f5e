"""Taking corrected nuclei along to another label map of the same image, and bringing in whole label maps."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unet.corrections.operation import Operation


def touched(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the numbers of the nuclei of ``after`` that are not, to the pixel, nuclei of ``before``.

    Parameters
    ----------
    before, after : (height, width) of integers
        Label maps before and after corrections, which keep the number of a nucleus.
    """
    changed = before != after
    numbers = np.union1d(before[changed], after[changed])
    return np.intersect1d(numbers[numbers > 0], np.unique(after))


def carry(before: np.ndarray, after: np.ndarray) -> Operation:
    """Return the operation that puts what was corrected over other nuclei of the same image.

    Nuclei that were changed or added come as they are; what was deleted takes those with it that are mostly where the
    deleted one was.
    """
    gone = (before > 0) & ~np.isin(before, after) & (after == 0)
    return Operation("carry", pieces=_pieces(after, touched(before, after)), cleared=runs_of(gone))


def replace(labels: np.ndarray) -> Operation:
    """Return the operation that makes the nuclei of a label map those of the image, instead of all that are there."""
    return Operation("replace", pieces=_pieces(labels, np.unique(labels[labels > 0])))


def _pieces(labels: np.ndarray, numbers: np.ndarray) -> tuple[tuple[int, ...], ...]:
    wanted = set(numbers.tolist())
    pieces = []
    for number, box in enumerate(
        ndimage.find_objects(np.where(np.isin(labels, numbers), labels, 0).astype(np.int64)), start=1
    ):
        if box is not None and number in wanted:
            pieces.append(runs_of(labels[box] == number, (box[0].start, box[1].start), labels.shape[1]))
    return tuple(pieces)


def runs_of(mask: np.ndarray, corner: tuple[int, int] = (0, 0), width: int | None = None) -> tuple[int, ...]:
    """Return the pixels of a mask as runs, row by row: a first pixel and a length, again and again.

    Parameters
    ----------
    mask : (height, width) bool
    corner : tuple of int
        Row and column at which the mask lies in its image.
    width : int, optional
        Of the image; the mask's own.
    """
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    rows, starts = np.nonzero(edges == 1)
    _, ends = np.nonzero(edges == -1)
    first = (rows + corner[0]) * (width or mask.shape[1]) + starts + corner[1]
    return tuple(np.stack([first, ends - starts], axis=1).ravel().tolist())
