import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import ndimage
from skimage.measure import label

from unet.prediction.objects import (
    areas_of,
    edge_labels,
    fill_objects,
    label_objects,
    renumber,
    summarize_labels,
)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))))
def test_objects_are_those_of_scikit_image(mask):
    found, expected = label_objects(mask), label(mask, connectivity=2)
    pairs = set(zip(found.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == len({pair[0] for pair in pairs}) == len({pair[1] for pair in pairs})
    assert found.dtype == np.uint16


def test_more_objects_than_uint16_holds():
    mask = np.zeros((600, 600), bool)
    mask[::2, ::2] = True
    labels = label_objects(mask)
    assert labels.dtype == np.uint32
    assert labels.max() == summarize_labels(labels).count == 90_000


def test_a_summary_counts_and_measures():
    probability = np.zeros((10, 10), np.float32)
    probability[:2, :2] = probability[5:, 5:] = 0.9
    found = summarize_labels(label_objects(probability > 0.5))
    assert (found.count, found.covered, found.mean_area) == (2, 0.29, 14.5)


def test_nothing_found_is_no_error():
    found = summarize_labels(np.zeros((4, 4), np.uint16))
    assert (found.count, found.covered, found.mean_area) == (0, 0, 0)


@given(arrays.arrays(bool, st.tuples(st.integers(1, 14), st.integers(1, 14))))
def test_holes_of_one_object_are_those_of_scipy(mask):
    np.testing.assert_array_equal(fill_objects(mask.astype(np.uint16)) > 0, ndimage.binary_fill_holes(mask))


@given(arrays.arrays(np.uint8, st.tuples(st.integers(1, 14), st.integers(1, 14)), elements=st.integers(0, 3)))
def test_filling_takes_nothing_from_others(labels):
    filled = fill_objects(labels)
    np.testing.assert_array_equal(filled[labels > 0], labels[labels > 0])
    for number in np.unique(labels[labels > 0]):
        hole = ndimage.binary_fill_holes(labels == number)
        assert (filled[hole & (labels == 0)] > 0).all()
        assert not (filled == number)[~hole].any()


def test_a_ring_in_a_ring_and_a_guest():
    outer = np.zeros((9, 9), np.uint8)
    outer[:] = 1
    outer[1:-1, 1:-1] = 0
    outer[3:6, 3:6] = 2
    outer[4, 4] = 0
    filled = fill_objects(outer)
    assert filled[4, 4] == 2
    assert filled[2, 2] == 1
    assert (filled == 2).sum() == 9
    assert (fill_objects(np.array([[1, 1, 2], [1, 0, 2], [1, 1, 2]])) == 0).sum() == 1  # between two


def test_numbers_areas_and_edges():
    labels = np.array([[0, 3, 3], [5, 0, 3], [0, 1, 0]])
    assert areas_of(labels, 6).tolist() == [4, 1, 0, 3, 0, 1, 0]
    assert renumber(labels, np.array([0, 1, 0, 2, 0, 0])).tolist() == [[0, 2, 2], [0, 0, 2], [0, 1, 0]]
    assert renumber(labels, np.array([0, 70_000, 0, 2, 0, 0])).dtype == np.uint32
    assert edge_labels(np.pad(labels, 1)).tolist() == [0]
    assert edge_labels(labels).tolist() == [0, 1, 3, 5]
    assert edge_labels(np.zeros((0, 3), int)).tolist() == []
