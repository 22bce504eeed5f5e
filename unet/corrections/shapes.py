"""Shapes of nuclei: pieces of a split one, and a smoother rim. assets/viewer/shapes.js comes to the same pixels.

All sums are of whole numbers, and all ties are broken by order, so that nothing hangs on how a machine rounds.
"""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unet.corrections.raster import largest_piece
from unet.prediction.objects import EIGHT_CONNECTED

# A piece of fewer pixels is no nucleus of its own.
LEAST_PIECE = 3
# A bell of two pixels' standard deviation.
BELL = (2, 11, 44, 135, 325, 607, 882, 1000, 882, 607, 325, 135, 44, 11, 2)


def pieces_beside(mask: np.ndarray, line: np.ndarray) -> np.ndarray:
    """Return the pieces into which a line divides a mask, (height, width) integers; all 0 where it divides nothing.

    Pixels under the line, and pieces that are too small, go to the piece beside them, round by round; of several to
    the one whose first pixel comes first, row by row.
    """
    pieces, count = ndimage.label(mask & ~line, structure=EIGHT_CONNECTED)
    large = np.flatnonzero(np.bincount(pieces.ravel(), minlength=count + 1)[1:] >= LEAST_PIECE) + 1
    if len(large) < 2:
        return np.zeros(mask.shape, np.int64)
    none = count + 1
    owner = np.where(np.isin(pieces, large), pieces, none).astype(np.int64)
    while True:
        beside = ndimage.minimum_filter(owner, size=3, mode="constant", cval=none)
        taken = mask & (owner == none) & (beside < none)
        if not taken.any():
            return np.where(owner == none, 0, owner)
        owner[taken] = beside[taken]


def smoothed(mask: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Return a mask with a smoother rim, in one piece, (height, width) bool; of pixels that are ``free`` or its own.

    Beyond the part it goes on as at its edge, so that a nucleus that is cut off by the image does not shrink from it.
    """
    soft = mask.astype(np.int64)
    for axis in (0, 1):
        soft = ndimage.correlate1d(soft, np.array(BELL), axis=axis, mode="nearest")
    return largest_piece((2 * soft > sum(BELL) ** 2) & (mask | free))
