import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from unet.prediction.maps import LEVELS, Prediction, cut

ALL_LEVELS = np.arange(LEVELS + 1, dtype=np.uint16).reshape(256, 256)


def test_thresholds_of_two_decimals_mean_the_same_everywhere():
    prediction = Prediction(ALL_LEVELS)
    in_a_browser = ALL_LEVELS.astype(np.float64) / LEVELS
    for hundredths in range(101):
        threshold = hundredths / 100
        exactly = ALL_LEVELS.astype(np.int64) * 100 > hundredths * LEVELS
        for found in (prediction.mask(threshold), prediction.probability > threshold, in_a_browser > threshold):
            np.testing.assert_array_equal(found, exactly)


def test_the_highest_level_that_is_not_above():
    assert [cut(threshold) for threshold in (0, 0.2, 0.5, 0.6, 1)] == [0, 13107, 32767, 39321, 65535]
    assert Prediction(ALL_LEVELS).mask(0.0).sum() == LEVELS  # 0 itself is not above 0
    assert not Prediction(ALL_LEVELS).mask(1.0).any()


@given(arrays(np.float32, array_shapes(min_dims=2, max_dims=2), elements=st.floats(0, 1, width=32)))
def test_a_map_is_kept_to_half_a_level_and_stays_what_it_then_is(map_):
    prediction = Prediction.of(map_, border=map_, distance=map_)
    assert prediction.probability.dtype == prediction.border.dtype == prediction.distance.dtype == np.float32
    np.testing.assert_allclose(prediction.probability, map_, atol=0.51 / 65535)
    np.testing.assert_allclose(prediction.border, map_, atol=0.51 / 255)
    again = Prediction.of(prediction.probability, border=prediction.border, distance=prediction.distance)
    for one, other in zip(again.maps(), prediction.maps(), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_part_and_what_it_weighs():
    classes = np.arange(12, dtype=np.uint8).reshape(3, 4)
    prediction = Prediction.of(classes / 12, classes)
    part = prediction.crop(slice(1, 3), slice(0, 2))
    assert part.shape == (2, 2)
    assert part.classes.tolist() == [[4, 5], [8, 9]]
    np.testing.assert_array_equal(part.probability, prediction.probability[1:3, :2])
    assert part.border is None
    assert part.distance is None
    assert prediction.nbytes == 12 * 3
    assert not prediction.is_mapped


def test_a_view_of_the_whole():
    levels = np.array([[0, 2, 10], [4, 6, 20]], np.uint16)
    classes = np.array([[1, 2, 3], [4, 5, 6]], np.uint8)
    small = Prediction(levels, classes).shrink(2)
    assert small.levels.tolist() == [[3, 15]]
    assert small.classes.shape == (1, 2)
    assert Prediction(levels).shrink(3).levels is levels


def test_parts_make_a_whole():
    random = np.random.default_rng(0)
    prediction = Prediction.of(*[random.random((20, 30))], border=random.random((20, 30)))
    whole = Prediction(np.zeros((20, 30), np.uint16), borders=np.zeros((20, 30), np.uint8))
    for rows in (slice(0, 7), slice(7, 20)):
        whole.put(rows, slice(0, 30), prediction.crop(rows, slice(0, 30)))
    np.testing.assert_array_equal(whole.levels, prediction.levels)
    np.testing.assert_array_equal(whole.borders, prediction.borders)
