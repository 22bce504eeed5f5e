from functools import partial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from unet import memmap
from unet.config import Separation
from unet.memmap import is_mapped
from unet.prediction import separation as separation_module
from unet.prediction import stitching
from unet.prediction.maps import Prediction
from unet.prediction.objects import label_objects
from unet.prediction.separation import find_objects
from unet.prediction.stitching import stitched
from unet.training.inputs.targets import make_targets

SEPARATIONS = {
    "connected areas": Separation(),
    "told apart": Separation(separate=True, min_valley_depth=0.2),
    "all": Separation(
        separate=True, min_valley_depth=0.2, min_peak_distance=0.3, min_area=60, fill_holes=True, clear_edge=True
    ),
}


def scene(count=260, size=(400, 520), seed=0):
    """A prediction of many discs, of which many touch; some have a hole."""
    random = np.random.default_rng(seed)
    labels = np.zeros(size, np.uint16)
    rows, columns = np.mgrid[: size[0], : size[1]]
    for number in range(1, count + 1):
        row, column, radius = random.uniform(0, size[0]), random.uniform(0, size[1]), random.uniform(4, 13)
        away = (rows - row) ** 2 + (columns - column) ** 2
        disc = (away <= radius**2) & (away > (4 if number % 7 == 0 else -1))
        if not labels[disc].any() or number % 3:
            labels[disc & (labels == 0)] = number
    mask, border, distance = np.moveaxis(make_targets(labels).astype(np.float32) / 255, -1, 0)
    # No two pixels alike: where the water comes from two sides at once, the order of pixels would decide.
    distance *= random.uniform(0.97, 1, size)
    return Prediction.of(mask, None, border, distance)


def assert_same_objects(one, other):
    """Equal but for the numbers."""
    pairs = np.unique(np.stack([one.ravel(), other.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]
    np.testing.assert_array_equal(one > 0, other > 0)


@pytest.fixture
def by_tiles(monkeypatch):
    """Everything counts as large, and tiles are small."""
    monkeypatch.setattr(separation_module, "LARGE_PIXELS", 10)
    monkeypatch.setattr(memmap, "LARGE_PIXELS", 10)
    monkeypatch.setattr(memmap, "BLOCK_PIXELS", 7000)
    monkeypatch.setattr(separation_module, "stitched", partial(stitched, tile=200, overlap=60))


@pytest.mark.parametrize("separation", SEPARATIONS.values(), ids=SEPARATIONS)
def test_tiles_find_the_objects_of_the_whole(separation, by_tiles, monkeypatch):
    prediction = scene()
    found = find_objects(prediction, 0.5, separation)
    monkeypatch.undo()
    whole = find_objects(prediction, 0.5, separation)
    assert whole.max() > 80
    assert found.dtype == whole.dtype
    assert set(np.unique(found)) == set(range(int(whole.max()) + 1))
    assert_same_objects(found, whole)


def test_a_large_prediction_is_worked_on_in_files(by_tiles, tmp_path):
    small = scene()
    large = Prediction(
        *(None if map_ is None else memmap.new_map(map_.shape, map_.dtype, tmp_path) for map_ in small.all())
    )
    large.put(slice(None), slice(None), small)
    assert large.is_mapped
    found = find_objects(large, 0.5, SEPARATIONS["all"])
    assert is_mapped(found)
    np.testing.assert_array_equal(found, find_objects(small, 0.5, SEPARATIONS["all"]))
    assert not list(tmp_path.iterdir())


@given(
    arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=24)),
    st.integers(3, 12),
    st.integers(1, 4),
)
def test_connected_areas_of_any_size_are_found_exactly(mask, tile, overlap):
    prediction = Prediction.of(mask)
    labels, numbers = stitched(
        prediction, lambda part: label_objects(part.mask(0.5)), 0.0, tile=tile + 2 * overlap, overlap=overlap
    )
    assert_same_objects(numbers[labels], label_objects(mask))
    assert set(np.unique(numbers)) == set(range(int(numbers.max()) + 1))


def test_an_object_larger_than_the_overlap_is_one_object():
    mask = np.zeros((100, 300))
    mask[20:80, 5:295] = 1
    distance = np.minimum(1, np.minimum(*np.meshgrid(np.arange(300), 30 - np.abs(np.arange(100) - 50.0))) / 30).clip(0)
    prediction = Prediction.of(mask, None, mask * 0, distance)
    find = partial(separation_module._objects, threshold=0.5, separation=Separation(separate=True))
    labels, numbers = stitched(prediction, find, 0.5, tile=100, overlap=20)
    assert labels.max() > 2
    assert set(np.unique(numbers[labels])) == {0, 1}


def test_little_in_common_is_not_the_same_object():
    earlier = np.array([[7, 7, 7, 7, 0], [0, 0, 8, 8, 0]])
    found = np.array([[1, 1, 1, 1, 1], [2, 2, 2, 1, 0]])
    numbers = np.array([0, 11, 12])
    assert stitching._same(earlier, found, numbers, 0.5).T.tolist() == [[7, 11]]
    assert stitching._same(earlier, found, numbers, 0.0).T.tolist() == [[7, 11], [8, 11], [8, 12]]
    assert stitching._same(earlier, found, np.array([0, 0, 12]), 0.0).T.tolist() == [[8, 12]]  # 1 lies elsewhere


def test_a_tile_says_that_it_is_done_and_may_be_the_last(by_tiles):
    done = []
    find_objects(scene(20), 0.5, Separation(), lambda *at: done.append(at))
    assert done == [(number + 1, len(done)) for number in range(len(done))]
    assert len(done) > 10

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        find_objects(scene(20), 0.5, Separation(), stop)
