"""COCO's run lengths, plain and packed (https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c)."""

from __future__ import annotations

from typing import Any

import numpy as np


def pixels_of(encoded: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Return the pixels of a mask by run lengths, which go down the columns and begin with background.

    Returns
    -------
    (n,) int64
        Their places in the image (height, width), row by row.

    Raises
    ------
    ValueError
        If the run lengths do not add up to the size.
    """
    counts = encoded["counts"]
    runs = np.array(_unpacked(counts) if isinstance(counts, str) else counts, np.int64)
    whole = size[0] * size[1]
    possible = runs.ndim == 1 and ((runs >= 0) & (runs <= whole)).all()
    if not possible or tuple(encoded["size"]) != size or runs.sum() != whole:
        raise ValueError("run lengths")
    starts, lengths = np.cumsum(runs)[:-1:2], runs[1::2]
    starts = starts[: len(lengths)]
    # Each run's start, less what the runs before it hold, and then counted on.
    places = np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(lengths.sum())
    column, row = np.divmod(places, size[0])
    return row * size[1] + column


def _unpacked(text: str) -> list[int]:
    """Return the run lengths of a packed text: groups of five bits and one that says whether more follow."""
    runs: list[int] = []
    value = shift = 0
    for letter in text:
        bits = ord(letter) - 48
        if not 0 <= bits < 64 or shift > 40:
            raise ValueError("run lengths")
        value |= (bits & 31) << shift
        shift += 5
        if bits & 32:
            continue
        if bits & 16:
            value -= 1 << shift  # it is negative
        # From the fourth on they are differences to the one before the last.
        runs.append(value + runs[-2] if len(runs) > 2 else value)
        value = shift = 0
    return runs
