"""Images that say that they lie on their side."""

from __future__ import annotations

import numpy as np

ORIENTATION = 0x0112  # the tag of EXIF and of TIFF


def turn_upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Undo the turn that EXIF and TIFF number from 1 to 8; other numbers mean nothing.

    Parameters
    ----------
    array : (height, width) or (height, width, channels)
    orientation : int

    Returns
    -------
    array
        From 5 on, height and width are exchanged.
    """
    if 5 <= orientation <= 8:
        array = array.swapaxes(0, 1)
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    return np.ascontiguousarray(array) if 2 <= orientation <= 8 else array
