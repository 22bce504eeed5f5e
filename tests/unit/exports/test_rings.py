"""Outlines found all at once are those that are found one by one."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from unet import memmap
from unet.exports.outlines import outlines, trace
from unet.exports.rings import simple_rings

LABELS = arrays.arrays(np.uint16, arrays.array_shapes(min_dims=2, max_dims=2, max_side=9), elements=st.integers(0, 3))


def turned(ring: np.ndarray) -> tuple:
    """Return a closed line from its least corner on: where it begins is of no meaning."""
    first = int(np.lexsort(ring.T)[0])
    return tuple(map(tuple, np.roll(ring, -first, axis=0).tolist()))


@given(LABELS, st.integers(5, 200))
def test_simple_outlines_are_those_that_are_followed_one_by_one(labels, strip):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(memmap, "BLOCK_PIXELS", strip)
        found = simple_rings(labels)
    for number in np.unique(labels[labels > 0]).tolist():
        mask = labels == number
        rings = trace(mask)
        touches = mask[:-1, :-1] & mask[1:, 1:] & ~mask[:-1, 1:] & ~mask[1:, :-1]
        touches |= ~mask[:-1, :-1] & ~mask[1:, 1:] & mask[:-1, 1:] & mask[1:, :-1]
        outer = [ring for ring in rings if turned_right(ring)]
        assert (number in found) == (not touches.any() and len(outer) == 1)
        if number in found:
            assert {turned(ring) for ring in found[number]} == {turned(ring) for ring in rings}
            assert turned(found[number][0]) == turned(outer[0])
    assert set(found) <= set(np.unique(labels).tolist()) - {0}


def turned_right(ring: np.ndarray) -> bool:
    """Tell whether a line goes clockwise on the screen."""
    x, y = ring.T
    return np.dot(x, np.roll(y, -1)) > np.dot(np.roll(x, -1), y)


def test_most_objects_are_simple_and_all_have_outlines():
    rows, columns = np.mgrid[:200, :200]
    labels = ((rows // 20) * 10 + columns // 20 + 1).astype(np.uint32)
    labels[(rows % 20 - 10) ** 2 + (columns % 20 - 10) ** 2 > 60] = 0
    assert len(simple_rings(labels)) == 100
    assert [outline.number for outline in outlines(labels)] == list(range(1, 101))
    assert list(outlines(np.zeros((4, 4), np.uint16))) == []
