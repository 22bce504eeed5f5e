from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from unet.corrections.carry import carry, replace, runs_of, touched
from unet.corrections.operation import CorrectionError, Operation
from unet.corrections.operations import Nuclei, apply, replay
from unet.prediction.maps import Prediction

SHAPE = (24, 32)


def two_squares() -> Nuclei:
    labels = np.zeros(SHAPE, np.uint16)
    labels[4:12, 4:12] = 1
    labels[4:12, 14:22] = 2
    return Nuclei.of(labels)


def pieces(labels: np.ndarray, number: int) -> int:
    return ndimage.label(labels == number, structure=np.ones((3, 3)))[1]


def square(left: float, top: float, right: float, bottom: float) -> tuple:
    return ((left, top), (right, top), (right, bottom), (left, bottom))


# ---- each tool -------------------------------------------------------------------------------------------------


def test_a_drawn_outline_becomes_a_nucleus_and_keeps_or_takes_what_others_have():
    for take in (False, True):
        after = apply(two_squares(), Operation("draw", square(10, 6, 16, 10), take=take)).labels
        expected = two_squares().labels
        part = expected[6:10, 10:16]
        part[np.full(part.shape, True) if take else part == 0] = 3
        np.testing.assert_array_equal(after, expected)


def test_a_pixel_belongs_to_an_outline_if_its_middle_lies_in_it():
    after = apply(Nuclei.of(np.zeros((4, 4), int)), Operation("draw", square(0.5, 0.6, 2.6, 2.5))).labels
    assert after.tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0], [0, 0, 0, 0]]


def test_delete_merge_and_numbers_that_stay():
    gone = apply(two_squares(), Operation("delete", numbers=(1,)))
    assert np.unique(gone.labels).tolist() == [0, 2]
    drawn = apply(gone, Operation("draw", square(4, 4, 8, 8)))
    assert np.unique(drawn.labels).tolist() == [0, 2, 3]
    merged = apply(two_squares(), Operation("merge", numbers=(2, 1))).labels
    np.testing.assert_array_equal(merged, np.where(two_squares().labels > 0, 2, 0))


def test_a_brush_adds_a_disc_and_an_eraser_takes_it_away():
    after = apply(two_squares(), Operation("brush", ((12.5, 8.5),), (1,), radius=3)).labels
    rows, columns = np.mgrid[: SHAPE[0], : SHAPE[1]] + 0.5
    disc = (columns - 12.5) ** 2 + (rows - 8.5) ** 2 <= 9
    np.testing.assert_array_equal(after, np.where(disc & (two_squares().labels == 0), 1, two_squares().labels))
    erased = apply(two_squares(), Operation("erase", ((12.5, 8.5),), radius=3)).labels
    np.testing.assert_array_equal(erased, np.where(disc, 0, two_squares().labels))
    only = apply(two_squares(), Operation("erase", ((12.5, 8.5),), (2,), radius=3)).labels
    np.testing.assert_array_equal(only, np.where(disc & (two_squares().labels == 2), 0, two_squares().labels))


def test_a_line_splits_every_nucleus_that_it_crosses_and_loses_no_pixel():
    before = two_squares()
    after = apply(before, Operation("split", ((2, 6), (24, 6)))).labels
    np.testing.assert_array_equal(after > 0, before.labels > 0)
    assert np.unique(after).tolist() == [0, 1, 2, 3, 4]
    assert all(pieces(after, number) == 1 for number in range(1, 5))
    with pytest.raises(CorrectionError, match=r"no nucleus there|changes nothing"):
        apply(before, Operation("split", ((8, 2), (8, 8))))  # ends in the middle


def test_two_clicks_split_at_the_valley_of_the_models_distance():
    labels = np.zeros(SHAPE, np.uint16)
    labels[4:10, 2:28] = 1
    distance = np.zeros(SHAPE, np.float32)
    distance[4:10, 2:28] = np.abs(np.arange(26) - 18) / 26
    maps = Prediction.of((labels > 0).astype(np.float32), distance=distance)
    seeds = Operation("seeds", ((4.5, 6.5), (26.5, 6.5)), (1,))
    after = apply(Nuclei.of(labels), seeds, maps).labels
    assert (after[4:10, 2:19] == 1).all()
    assert (after[4:10, 22:28] == 2).all()
    without = apply(Nuclei.of(labels), seeds).labels
    assert sorted(np.bincount(without.ravel())[1:].tolist())[0] >= 60


def test_a_click_adds_what_the_model_saw_around_it():
    probability = np.zeros(SHAPE, np.float32)
    probability[14:20, 4:10] = 0.3
    probability[14:20, 16:20] = 0.3
    after = apply(
        two_squares(), Operation("add", ((5, 15),), level=int(0.2 * 65535)), Prediction.of(probability)
    ).labels
    expected = two_squares().labels
    expected[14:20, 4:10] = 3
    np.testing.assert_array_equal(after, expected)
    with pytest.raises(CorrectionError, match="no room"):
        apply(two_squares(), Operation("add", ((5, 15),), level=int(0.4 * 65535)), Prediction.of(probability))


def test_holes_are_filled_and_rims_smoothed():
    holed = two_squares()
    holed.labels[7:9, 7:9] = 0
    np.testing.assert_array_equal(apply(holed, Operation("fill", numbers=(1,))).labels, two_squares().labels)
    spiked = two_squares()
    spiked.labels[7, 0:4] = 1
    after = apply(spiked, Operation("smooth", numbers=(1,))).labels
    assert not (after[7, 0:3] == 1).any()
    assert pieces(after, 1) == 1


def test_what_was_corrected_is_put_over_other_nuclei():
    before = two_squares()
    after = replay(before, [Operation("delete", numbers=(1,)), Operation("brush", ((21.5, 8.5),), (2,), radius=2)])
    assert touched(before.labels, after.labels).tolist() == [2]
    other = np.zeros(SHAPE, np.uint16)
    other[5:11, 5:11], other[5:11, 15:21], other[16:20, 4:9] = 1, 2, 3
    carried = apply(Nuclei.of(other), carry(before.labels, after.labels)).labels
    expected = np.where(after.labels == 2, 4, np.where(other == 3, 3, 0))
    np.testing.assert_array_equal(carried, expected)


def test_a_label_map_that_is_brought_in_replaces_all():
    labels = np.zeros(SHAPE, np.int64)
    labels[2:5, 2:9], labels[20:24, 28:32] = 7, 70_000
    after = apply(two_squares(), replace(labels)).labels
    np.testing.assert_array_equal(after > 0, labels > 0)
    assert np.unique(after).tolist() == [0, 3, 4]
    with pytest.raises(CorrectionError, match="another size"):
        apply(Nuclei.of(np.zeros((3, 3), int)), replace(labels))
    assert runs_of(np.array([[0, 1, 1], [1, 0, 1]], bool)) == (1, 2, 3, 1, 5, 1)


# ---- any sequence ----------------------------------------------------------------------------------------------

coordinate = st.floats(-4, 40)
point = st.tuples(coordinate, coordinate)
number = st.integers(1, 6)
operations = st.one_of(
    st.builds(dict, kind=st.just("draw"), points=st.lists(point, min_size=3, max_size=6), take=st.booleans()),
    st.builds(dict, kind=st.just("add"), points=st.lists(point, min_size=1, max_size=1), level=st.integers(0, 65535)),
    st.builds(dict, kind=st.just("delete"), numbers=st.lists(number, min_size=1, max_size=3)),
    st.builds(
        dict,
        kind=st.just("brush"),
        points=st.lists(point, min_size=1, max_size=4),
        numbers=st.lists(number, min_size=1, max_size=1),
        radius=st.floats(0.5, 8),
        take=st.booleans(),
    ),
    st.builds(dict, kind=st.just("erase"), points=st.lists(point, min_size=1, max_size=4), radius=st.floats(0.5, 8)),
    st.builds(dict, kind=st.just("split"), points=st.lists(point, min_size=2, max_size=4)),
    st.builds(
        dict,
        kind=st.just("seeds"),
        points=st.lists(point, min_size=2, max_size=2),
        numbers=st.lists(number, min_size=1, max_size=1),
    ),
    st.builds(dict, kind=st.just("merge"), numbers=st.lists(number, min_size=2, max_size=3, unique=True)),
    st.builds(dict, kind=st.sampled_from(["fill", "smooth"]), numbers=st.lists(number, min_size=1, max_size=1)),
)
PROMISED = {"draw", "add", "smooth"}  # the nucleus that they make is in one piece


@settings(max_examples=150, deadline=None)
@given(st.lists(operations, max_size=12), st.integers(0, 99))
def test_any_sequence_leaves_a_valid_label_map(sequence, seed):
    random = np.random.default_rng(seed)
    maps = Prediction.of(random.random(SHAPE, np.float32), distance=random.random(SHAPE, np.float32))
    start = two_squares()
    now, done = start, []
    for data in sequence:
        operation = Operation.from_dict(data)
        assert Operation.from_dict(operation.to_dict()) == operation
        before = now.labels.copy()
        try:
            after = apply(now, operation, maps)
        except CorrectionError:
            continue
        np.testing.assert_array_equal(now.labels, before)  # what was given stays
        assert after.labels.shape == SHAPE
        assert after.labels.dtype == np.uint32
        assert after.labels.max(initial=0) < after.next
        new = set(range(now.next, after.next))
        assert set(np.unique(after.labels)) - set(np.unique(before)) - {0} <= new
        if operation.kind in PROMISED:
            made = max(new, default=operation.numbers[0] if operation.numbers else 0)
            assert pieces(after.labels, made) == 1
        if operation.kind in ("split", "seeds"):
            np.testing.assert_array_equal(after.labels > 0, before > 0)
        done.append(operation)
        now = after
    np.testing.assert_array_equal(replay(start, done, maps).labels, now.labels)
    np.testing.assert_array_equal(replay(start, [], maps).labels, start.labels)


@pytest.mark.parametrize(
    "data",
    [
        None,
        {},
        {"kind": "eval"},
        {"kind": "draw", "points": [[0, 0], [1, 1]]},
        {"kind": "draw", "points": [[0, 0], [1, "nan"], [2, 2]]},
        {"kind": "draw", "points": [[0, 0], [1, 1e300], [2, 2]]},
        {"kind": "delete", "numbers": [0]},
        {"kind": "delete", "numbers": [1.5]},
        {"kind": "delete", "numbers": ["1; rm"]},
        {"kind": "brush", "points": [[1, 1]], "numbers": [1], "radius": 1e9},
        {"kind": "merge", "numbers": [1, 1]},
        {"kind": "replace", "pieces": [[1]]},
        {"kind": "replace", "pieces": [[1, -5]]},
    ],
)
def test_what_is_no_correction_is_refused(data):
    with pytest.raises(CorrectionError):
        Operation.from_dict(data)
