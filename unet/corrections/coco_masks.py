"""COCO's run lengths, plain and packed (https://github.com/cocodataset/cocoapi/blob/master/common/maskApi.c)."""

from __future__ import annotations

from typing import Any

import numpy as np


def mask_of(encoded: dict[str, Any], size: tuple[int, int]) -> np.ndarray:
    """Return a mask (height, width) bool from run lengths, which go down the columns and begin with background.

    Raises
    ------
    ValueError
        If they do not add up to the size.
    """
    counts = encoded["counts"]
    runs = np.array(_unpacked(counts) if isinstance(counts, str) else counts, np.int64)
    if tuple(encoded["size"]) != size or runs.ndim != 1 or (runs < 0).any() or runs.sum() != size[0] * size[1]:
        raise ValueError("run lengths")
    return np.repeat(np.arange(len(runs)) % 2 == 1, runs).reshape(size[::-1]).T


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
