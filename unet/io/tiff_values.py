"""From the values that a TIFF stores to those that a viewer shows."""

from __future__ import annotations

import numpy as np
import tifffile
from tifffile import EXTRASAMPLE, PHOTOMETRIC

ALPHA = (EXTRASAMPLE.ASSOCALPHA, EXTRASAMPLE.UNASSALPHA)


def without_alpha(array: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Leave out the channels that the file calls alpha, and a fourth beside red, green and blue."""
    if array.ndim == 2:
        return array
    channels = array.shape[2]
    first = channels - len(page.extrasamples)
    kept = [index for index in range(channels) if index < first or page.extrasamples[index - first] not in ALPHA]
    if page.photometric == PHOTOMETRIC.RGB and len(kept) == 4:
        kept = kept[:3]
    array = array if len(kept) == channels else array[..., kept]
    return array[..., 0] if array.shape[2] == 1 else array


def as_shown(array: np.ndarray, page: tifffile.TiffPage) -> np.ndarray:
    """Resolve a palette, turn white-is-zero round and stretch fewer than 8 bits, as a viewer does."""
    if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None and array.ndim == 2:
        colours = page.colormap
        return np.moveaxis((colours >> 8 if colours.max() > 255 else colours).astype(np.uint8)[:, array], 0, -1)
    if array.dtype.kind not in "bu" or not isinstance(page.bitspersample, int):
        return array
    if array.dtype == bool:
        array = array.astype(np.uint8)
    top = 2**page.bitspersample - 1
    if page.photometric == PHOTOMETRIC.MINISWHITE:
        array = array.dtype.type(top) - array
    return array * array.dtype.type(255 // top) if top < 255 else array
