"""Positive and negative objects: told apart by the mean of a channel, such as that of a stain for dividing cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unet.errors import ConfigError, shortened
from unet.memmap import release_pages, row_blocks

if TYPE_CHECKING:
    import pandas as pd

MEAN, POSITIVE = "marker_mean", "positive"  # columns of the measurements


@dataclass(frozen=True)
class Marker:
    """An object is positive if its mean of a channel lies above a level.

    Attributes
    ----------
    channel : int
        Of the image file, from 0.
    level : float
        In values as they are stored.
    """

    channel: int
    level: float


def parse_marker(text: str) -> Marker:
    """Read a marker such as ``2:850``: channel 2 of the file, the first one being 1, and the level 850.

    Raises
    ------
    ConfigError
        If it is none.
    """
    channel, _, level = text.partition(":")
    try:
        marker = Marker(int(channel) - 1, float(level))
    except ValueError:
        marker = Marker(-1, 0.0)
    if not (0 <= marker.channel < 1000 and math.isfinite(marker.level)):
        raise ConfigError(f"“{shortened(text)}” is not a channel with a level; write, say, 2:850, channels from 1.")
    return marker


def write_marker(marker: Marker) -> str:
    """Write a marker as ``parse_marker`` reads it."""
    return f"{marker.channel + 1}:{marker.level:.6g}"


def stain_of(image: np.ndarray, channel: int) -> np.ndarray | None:
    """Return a channel of an image, (height, width) or (height, width, channels); None where it has no such one."""
    planes = image[..., None] if image.ndim == 2 else image
    return planes[..., channel] if channel < planes.shape[2] else None


def stain_means(labels: np.ndarray, stain: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return the mean of a channel over the pixels of objects, a few rows at a time.

    Parameters
    ----------
    labels : (height, width) of integers
    stain : (height, width)
    numbers : (n,) of integers
        Of the objects.

    Returns
    -------
    (n,) float64
        NaN where an object has no pixels.
    """
    length = int(labels.max(initial=0)) + 1
    areas, sums = np.zeros(length), np.zeros(length)
    for rows in row_blocks(labels.shape):
        part = np.asarray(labels[rows]).ravel()
        areas += np.bincount(part, minlength=length)
        sums += np.bincount(part, np.asarray(stain[rows]).ravel(), minlength=length)
        release_pages(labels)
    with np.errstate(invalid="ignore"):
        return (sums / areas)[numbers]


def with_class(frame: pd.DataFrame, marker: Marker | None) -> pd.DataFrame:
    """Return measurements that hold the mean of the marker's channel with a column ``positive``, 0 or 1."""
    if marker is None or MEAN not in frame:
        return frame
    return frame.assign(**{POSITIVE: (frame[MEAN] > marker.level).astype(np.uint8)})


def positive_share(frame: pd.DataFrame) -> float | None:
    """Return how many of the objects are positive, 0 to 1; None where that is not known of any."""
    return float(frame[POSITIVE].mean()) if POSITIVE in frame and len(frame) else None


def level_between(means: np.ndarray) -> float:
    """Return the level that divides means best in two (Otsu, 1979), to three digits; to begin with."""
    from skimage.filters import threshold_otsu

    finite = means[np.isfinite(means)]
    if len(finite) < 2 or finite.min() == finite.max():
        return float(finite[0]) if len(finite) else 0.0
    return float(f"{threshold_otsu(finite):.3g}")
