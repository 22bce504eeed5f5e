"""Which pixels a drawn shape covers: those whose middle lies in it. assets/viewer/raster.js does the same sums."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from unet.prediction.objects import EIGHT_CONNECTED

Point = tuple[float, float]
Box = tuple[slice, slice]


def box_of(points: Sequence[Point], margin: float, shape: tuple[int, int]) -> Box:
    """Return the rows and columns (perhaps none) of an image in which points, x and y in pixels, and a margin lie."""
    x, y = np.array(points, float).T
    return _side(y, margin, shape[0]), _side(x, margin, shape[1])


def _side(values: np.ndarray, margin: float, length: int) -> slice:
    first = min(max(0, math.floor(values.min() - margin)), length)
    return slice(first, max(first, min(length, math.ceil(values.max() + margin) + 1)))


def polygon(points: Sequence[Point], box: Box) -> np.ndarray:
    """Return which pixels of a box lie in a closed line, (height, width) bool; where it crosses itself, by even-odd."""
    rows, columns = box
    height, width = rows.stop - rows.start, columns.stop - columns.start
    toggles = np.zeros((height, width + 1), bool)
    middles = np.arange(rows.start, rows.stop) + 0.5
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[0]], strict=True):
        crossed = np.flatnonzero((y1 <= middles) != (y2 <= middles))
        if not len(crossed):
            continue
        x = x1 + (middles[crossed] - y1) * (x2 - x1) / (y2 - y1)
        toggles[crossed, np.clip(np.floor(x - 0.5).astype(int) + 1 - columns.start, 0, width)] ^= True
    return np.logical_xor.accumulate(toggles, axis=1)[:, :width]


def stroke(points: Sequence[Point], radius: float, box: Box) -> np.ndarray:
    """Return which pixels of a box lie within a radius of a line, (height, width) bool."""
    rows, columns = box
    covered = np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool)
    for (x1, y1), (x2, y2) in zip(points, [*points[1:], points[-1]], strict=True):
        part = box_of([(x1, y1), (x2, y2)], radius + 1, (rows.stop, columns.stop))
        first, left = max(part[0].start, rows.start), max(part[1].start, columns.start)
        last, right = max(part[0].stop, first), max(part[1].stop, left)
        y = np.arange(first, last)[:, None] + 0.5
        x = np.arange(left, right)[None] + 0.5
        across, down = x2 - x1, y2 - y1
        length = across * across + down * down
        along = np.clip(((x - x1) * across + (y - y1) * down) / length, 0, 1) if length else 0.0
        away_x, away_y = x - (x1 + along * across), y - (y1 + along * down)
        near = away_x * away_x + away_y * away_y <= radius * radius
        covered[first - rows.start : last - rows.start, left - columns.start : right - columns.start] |= near
    return covered


def largest_piece(mask: np.ndarray) -> np.ndarray:
    """Return the largest connected piece of a mask (pixels may touch at a corner); of equal ones the uppermost."""
    pieces, count = ndimage.label(mask, structure=EIGHT_CONNECTED)
    if count <= 1:
        return mask
    return pieces == np.bincount(pieces[mask]).argmax()
