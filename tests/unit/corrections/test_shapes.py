from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from unet.corrections.raster import box_of, stroke
from unet.corrections.shapes import BELL, LEAST_PIECE, pieces_beside, smoothed

SHAPE = (24, 32)
coordinate = st.floats(-4, 34).map(lambda value: round(value * 8) / 8)
lines = st.lists(st.tuples(coordinate, coordinate), min_size=2, max_size=4)


def blob(seed: int) -> np.ndarray:
    """A ragged shape in one piece or several."""
    noise = np.random.default_rng(seed).normal(size=SHAPE)
    return ndimage.gaussian_filter(noise, 2) > 0


@settings(max_examples=60, deadline=None)
@given(lines, st.integers(0, 99))
def test_pieces_take_every_pixel_that_they_reach_and_hang_together(points, seed):
    mask = blob(seed)
    line = stroke(points, 0.7, (slice(0, SHAPE[0]), slice(0, SHAPE[1])))
    assert line[box_of(points, 2, SHAPE)].sum() == line.sum()
    pieces = pieces_beside(mask, line)
    assert not pieces[~mask].any()
    numbers = np.unique(pieces[pieces > 0])
    if not len(numbers):
        return
    assert len(numbers) > 1
    whole, _ = ndimage.label(mask, np.ones((3, 3)))
    for number in numbers:
        assert ndimage.label(pieces == number, np.ones((3, 3)))[1] == 1
        assert ((pieces == number) & ~line).sum() >= LEAST_PIECE
    # What is left lies in parts of the mask in which no piece is.
    assert not np.intersect1d(whole[mask & (pieces == 0)], whole[pieces > 0]).size


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 99))
def test_a_smooth_rim_is_that_of_a_bell_and_takes_only_what_is_free(seed):
    mask, free = blob(seed), blob(seed + 100)
    after = smoothed(mask, free & ~mask)
    assert not after[~(mask | free)].any()
    assert ndimage.label(after, np.ones((3, 3)))[1] <= 1
    # Against scipy's own bell, but where it is undecided.
    bell = ndimage.gaussian_filter(mask.astype(float), 2, mode="nearest", truncate=3.5)
    clear = (np.abs(bell - 0.5) > 0.01) & (mask | free)
    assert not (after & clear & (bell < 0.5)).any()
    assert BELL[::-1] == BELL
