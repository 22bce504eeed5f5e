import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from skimage.measure import label

from unet.prediction.objects import label_objects, summarize, summarize_labels, threshold_map


def test_only_pixels_above_the_threshold_count():
    probability = np.array([[0.0, 0.5, 0.6, 1.0]], np.float32)
    assert threshold_map(probability, 0.5).tolist() == [[False, False, True, True]]
    assert not threshold_map(probability, 1.0).any()


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
    found = summarize(probability, 0.5)
    assert (found.count, found.covered, found.mean_area) == (2, 0.29, 14.5)


def test_nothing_found_is_no_error():
    found = summarize(np.zeros((4, 4), np.float32), 0.5)
    assert (found.count, found.covered, found.mean_area) == (0, 0, 0)
