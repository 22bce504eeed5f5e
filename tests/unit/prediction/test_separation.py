import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage
from skimage.segmentation import clear_border

from unet.config import PRESETS, ModelConfig, Separation
from unet.models.metadata import read_info, usual_separation
from unet.prediction.maps import Prediction
from unet.prediction.objects import label_objects
from unet.prediction.separation import find_objects
from unet.settings import SHIPPED_MODELS
from unet.training.inputs.targets import make_targets

ON, OFF = Separation(separate=True), Separation()


def discs(*places, size=(60, 90)):
    """A label map of discs (row, column, radius); later ones lie over earlier ones."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    labels = np.zeros(size, np.uint8)
    for number, (row, column, radius) in enumerate(places, start=1):
        labels[(rows - row) ** 2 + (columns - column) ** 2 <= radius**2] = number
    return labels


TOUCHING = discs((30, 25, 14), (30, 52, 14), (30, 76, 10))


def perfect(labels, heads=True):
    """What a perfect network would say of a label map."""
    mask, border, distance = np.moveaxis(make_targets(labels).astype(np.float32) / 255, -1, 0)
    return Prediction.of(mask, border=border, distance=distance) if heads else Prediction.of(mask)


@pytest.mark.parametrize("heads", [True, False])
def test_touching_discs_are_told_apart_and_keep_their_pixels(heads):
    prediction = perfect(TOUCHING, heads)
    assert find_objects(prediction, 0.5, OFF).max() == 1
    found = find_objects(prediction, 0.5, ON)
    assert found.max() == 3
    np.testing.assert_array_equal(found > 0, TOUCHING > 0)
    for number in (1, 2, 3):
        best = np.bincount(found[number == TOUCHING]).max()
        assert best / np.count_nonzero(number == TOUCHING) > 0.95


def test_a_deeper_valley_is_asked_for_and_fewer_are_told_apart():
    prediction = perfect(discs((30, 30, 14), (30, 45, 14)), heads=False)
    counts = [
        find_objects(prediction, 0.5, Separation(separate=True, min_valley_depth=d)).max() for d in (0.05, 0.3, 0.9)
    ]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (2, 1)


def test_one_long_nucleus_stays_whole():
    labels = np.zeros((40, 80), np.uint8)
    labels[15:25, 5:75] = 1
    for heads in (True, False):
        assert find_objects(perfect(labels, heads), 0.5, ON).max() == 1


def test_small_objects_are_left_out():
    labels = discs((30, 25, 14), (30, 60, 2))
    for separate in (False, True):
        found = find_objects(perfect(labels), 0.5, Separation(separate=separate, min_area=20))
        assert found.max() == 1
        np.testing.assert_array_equal(found > 0, labels == 1)


def test_objects_of_whose_shape_nothing_is_sure_are_left_out():
    prediction = perfect(TOUCHING)
    prediction.distances[TOUCHING == 3] //= 3
    counts = [find_objects(prediction, 0.5, Separation(separate=True, min_peak_distance=h)).max() for h in (0.0, 0.5)]
    assert counts == [3, 2]
    found = find_objects(prediction, 0.5, Separation(separate=True, min_peak_distance=0.5))
    assert not found[TOUCHING == 3].any()
    without = find_objects(perfect(TOUCHING, heads=False), 0.5, Separation(separate=True, min_peak_distance=0.9))
    assert without.max() == 3


def test_a_nucleus_without_a_heart_is_still_found():
    prediction = Prediction.of(*[(TOUCHING > 0).astype(np.float32)], border=np.ones(TOUCHING.shape, np.float32),
                            distance=np.zeros(TOUCHING.shape, np.float32))  # fmt: skip
    found = find_objects(prediction, 0.5, ON)
    np.testing.assert_array_equal(found > 0, TOUCHING > 0)


@given(arrays(np.float32, (14, 17), elements=st.floats(0, 1, width=32)), st.floats(0, 1), st.booleans())
def test_all_that_is_above_the_threshold_is_in_an_object_and_nothing_else(probability, threshold, heads):
    head = {"border": probability * 0, "distance": probability} if heads else {}
    found = find_objects(Prediction.of(probability, **head), threshold, ON)
    mask = np.rint(probability * 65535) > threshold * 65535 + 1e-6
    np.testing.assert_array_equal(found > 0, mask)
    assert set(np.unique(found[mask])) == set(range(1, int(found.max()) + 1))
    # Separation only ever divides connected areas.
    areas = label_objects(mask)
    for number in range(1, int(found.max()) + 1):
        assert len(np.unique(areas[found == number])) == 1
        assert ndimage.label(found == number, np.ones((3, 3)))[1] == 1


def test_holes_are_filled_and_objects_stay_apart():
    labels = discs((30, 25, 14), (30, 52, 14))
    labels[28:33, 22:27] = 0
    prediction = perfect(labels)
    filled = find_objects(prediction, 0.5, Separation(separate=True, fill_holes=True))
    assert filled.max() == find_objects(prediction, 0.5, ON).max() == 2
    np.testing.assert_array_equal(filled > 0, discs((30, 25, 14), (30, 52, 14)) > 0)


def test_filled_area_counts_as_area():
    ring = discs((30, 25, 10))
    ring[discs((30, 25, 9)) > 0] = 0
    for fill, count in ((False, 0), (True, 1)):
        assert find_objects(perfect(ring), 0.5, Separation(min_area=100, fill_holes=fill)).max() == count


def test_what_touches_the_edge_is_left_out():
    labels = discs((30, 30, 8), (0, 60, 8), (59, 30, 5), (30, 2, 6), (50, 89, 4), (15, 81, 8))
    assert labels[15, 89] == 6  # touches by one pixel
    for separation in (Separation(clear_edge=True), Separation(separate=True, clear_edge=True)):
        found = find_objects(perfect(labels), 0.5, separation)
        assert found.max() == 1
        np.testing.assert_array_equal(found > 0, labels == 1)


@given(arrays(np.uint8, (14, 17), elements=st.integers(0, 1)))
def test_the_edge_is_cleared_as_scikit_image_does(mask):
    found = find_objects(Prediction.of(mask), 0.5, Separation(clear_edge=True))
    np.testing.assert_array_equal(found > 0, clear_border(label_objects(mask)) > 0)


def test_settings_without_the_newer_fields_are_read():
    old = {"separate": True, "depth": 0.4, "heart": 0.4, "min_area": 25}
    assert Separation.from_dict(old) == Separation(True, 0.4, 0.4, 25, fill_holes=False, clear_edge=False)


def test_touching_nuclei_are_separated_by_default_whatever_a_model_learned():
    for preset in PRESETS.values():
        assert usual_separation(preset.model).separate
    assert not usual_separation(ModelConfig(classes=3)).separate
    assert read_info(SHIPPED_MODELS / "tutorial").separation == usual_separation(PRESETS["tutorial"].model)


def test_a_mask_alone_is_separated_by_shape():
    rows, columns = np.mgrid[:60, :100]
    discs = [(rows - 30) ** 2 + (columns - column) ** 2 < 400 for column in (30, 64)]
    touching = Prediction.of(np.logical_or(*discs).astype(np.float32))
    assert find_objects(touching, 0.5, usual_separation(ModelConfig())).max() == 2
    alone = Prediction.of(discs[0].astype(np.float32))
    assert find_objects(alone, 0.5, usual_separation(ModelConfig())).max() == 1
