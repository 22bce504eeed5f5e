"""Bringing images of any depth, contrast and polarity to one range: nuclei bright, the background dark."""

from __future__ import annotations

import numpy as np

from unet.config import ModelConfig
from unet.data.pixels import to_channels, to_uint8

LOW, HIGH = 1.0, 99.8
# Where the median lies between the two percentiles: below 0.19 in every fluorescence image of the 2018 Data Science
# Bowl, above 0.39 in every image of stained tissue.
BRIGHT_BACKGROUND = 0.35
# 8-bit levels by which the channels differ on average; grey images stored as colour have none.
COLOURED = 2.0
LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def bring(image: np.ndarray, model: ModelConfig) -> np.ndarray:
    """Bring an image of any depth to what the network sees, (height, width, channels) uint8."""
    image = stretch(image) if model.intensity == "percentiles" else to_uint8(image)
    return to_channels(image, model.channels)


def stretch(image: np.ndarray) -> np.ndarray:
    """Stretch an image from its 1st to its 99.8th percentile, and invert it where the background is bright.

    The percentiles are those of the luma (ITU-R 601), the same for all channels, so that colours stay.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth; NaN and infinities count as 0.

    Returns
    -------
    (height, width, 3) uint8
        Grey is repeated, a missing third channel is empty, of more than three the first three are taken. All 0 where
        the image is constant.
    """
    colour = _three_channels(image)
    luma = colour @ LUMA if colour.shape[2] == 3 else colour[..., 0]
    low, median, high = np.percentile(luma, [LOW, 50, HIGH])
    if high <= low:
        low, high = float(luma.min()), float(luma.max())
    if high <= low:
        return np.zeros((*image.shape[:2], 3), np.uint8)
    # In place: the image of a large mosaic is in memory once.
    colour -= np.float32(low)
    colour *= np.float32(255 / (high - low))
    np.clip(colour, 0, 255, out=colour)
    result = np.rint(colour, out=colour).astype(np.uint8)
    if (median - low) / (high - low) > BRIGHT_BACKGROUND:
        result = 255 - result
    return result if result.shape[2] == 3 else np.repeat(result, 3, axis=2)


def kind_of(image: np.ndarray) -> str:
    """Tell kinds of micrographs apart by what can be measured.

    Returns
    -------
    str
        ``dark`` or ``bright`` background, ``-coloured`` after it where the channels differ.
    """
    colour = _three_channels(image)
    luma = colour @ LUMA if colour.shape[2] == 3 else colour[..., 0]
    low, median, high = np.percentile(luma, [LOW, 50, HIGH])
    bright = high > low and (median - low) / (high - low) > BRIGHT_BACKGROUND
    spread = float(np.abs(colour - colour.mean(axis=2, keepdims=True)).mean())
    return ("bright" if bright else "dark") + ("-coloured" if spread > COLOURED else "")


def _three_channels(image: np.ndarray) -> np.ndarray:
    """Return a float32 copy (height, width, 1 or 3), finite."""
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    if image.shape[2] == 2:
        image = np.concatenate([image, np.zeros_like(image[..., :1])], axis=2)
    return np.nan_to_num(image.astype(np.float32), copy=False, posinf=0.0, neginf=0.0)
