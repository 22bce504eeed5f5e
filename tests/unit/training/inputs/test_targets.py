import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.training.inputs.targets import BORDER_REACH, make_targets, touching_border


def test_by_hand():
    labels = np.zeros((7, 9), np.uint16)
    labels[1:6, 1:6] = 7
    mask, border, distance = np.moveaxis(make_targets(labels), -1, 0)
    np.testing.assert_array_equal(mask, np.where(labels, 255, 0))
    assert not border.any()
    # One pixel deep at the rim, three in the middle.
    np.testing.assert_array_equal(distance[3, 1:6], [85, 170, 255, 170, 85])


def test_the_border_is_only_where_two_nuclei_are_near():
    labels = np.zeros((9, 40), np.uint8)
    labels[:, 2:10], labels[:, 10:18], labels[:, 18 + 2 * BORDER_REACH :] = 1, 2, 3
    border = touching_border(labels)
    assert border[:, 10 - BORDER_REACH : 10 + BORDER_REACH].all()
    assert not border[:, : 10 - BORDER_REACH].any()
    assert not border[:, 10 + BORDER_REACH :].any()


def test_every_nucleus_reaches_the_whole_height_whatever_its_size():
    labels = np.zeros((40, 60), np.int32)
    labels[2:4, 2:4], labels[8:38, 8:38], labels[5, 50] = 3, 5, 90_000
    distance = make_targets(labels)[..., 2]
    assert [distance[labels == number].max() for number in (3, 5, 90_000)] == [255, 255, 255]


@pytest.mark.parametrize("value", [0, 4])
def test_empty_and_full(value):
    targets = make_targets(np.full((5, 6), value, np.uint8))
    assert targets.shape == (5, 6, 3)
    assert set(np.unique(targets[..., 0])) == {255 if value else 0}
    assert not targets[..., 1].any()


@given(arrays(np.uint8, (12, 14), elements=st.integers(0, 3)))
def test_the_distance_lies_in_the_mask_and_nowhere_else(labels):
    targets = make_targets(labels)
    np.testing.assert_array_equal(targets[..., 2] > 0, labels > 0)
    np.testing.assert_array_equal(make_targets(labels[::-1])[::-1], targets)
