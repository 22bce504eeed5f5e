"""Which objects are kept: those whose measurements lie in ranges."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from unet.errors import ConfigError, shortened
from unet.memmap import folder_of, new_map, row_blocks
from unet.prediction.measure import CALIBRATED, COLUMNS, SHAPE

if TYPE_CHECKING:
    import pandas as pd

# From a column of the measurements to the least and the greatest value that is kept.
Ranges = dict[str, tuple[float, float]]


def parse_range(text: str) -> tuple[str, tuple[float, float]]:
    """Read a range such as ``area:30:120``.

    Raises
    ------
    ConfigError
        If it is none, or names no measurement.
    """
    name, *ends = text.split(":")
    try:
        low, high = map(float, ends)
    except ValueError:
        raise ConfigError(
            f"“{shortened(text)}” is not a range; write a measurement and two numbers, such as area:30:120."
        ) from None
    if name not in COLUMNS:
        known = ", ".join([*SHAPE, *CALIBRATED])
        raise ConfigError(
            f"“{shortened(name)}” is not a measurement; choose from {known}, intensity_mean and the like."
        )
    if not low <= high:
        raise ConfigError(f"“{shortened(text)}” keeps nothing: {low:g} lies above {high:g}.")
    return name, (low, high)


def write_range(name: str, low: float, high: float) -> str:
    """Write a range as ``parse_range`` reads it."""
    return f"{name}:{low:g}:{high:g}"


def kept_rows(frame: pd.DataFrame, ranges: Ranges) -> np.ndarray:
    """Return which rows of the measurements lie in all ranges, (rows,) bool; a column that is not there keeps all."""
    kept = np.ones(len(frame), bool)
    for name, (low, high) in ranges.items():
        if name in frame:
            kept &= frame[name].between(low, high).to_numpy()
    return kept


def kept_objects(labels: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Return a label map (height, width) with these objects only; their numbers stay."""
    keep = np.zeros(int(labels.max(initial=0)) + 1, labels.dtype)
    keep[numbers] = numbers
    kept = new_map(labels.shape, labels.dtype, folder_of(labels))
    for rows in row_blocks(labels.shape):
        kept[rows] = keep[labels[rows]]
    return kept
