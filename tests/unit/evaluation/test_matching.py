import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.evaluation.matching import IOU_THRESHOLDS, match, measure_overlaps, outcomes

# With few numbers pairs are counted in a table; with high ones it would be too large, and the pixels are sorted.
small = arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 0, 1, 2, 3]))
high = arrays(np.uint8, (4, 5), elements=st.sampled_from([0, 1, 2, 250]))
pairs_of_maps = st.tuples(small, small) | st.tuples(high, high)
# Runs of equal numbers, so that objects cover, split and merge one another.
bands = arrays(np.uint8, (12,), elements=st.integers(0, 2)).map(lambda steps: np.repeat(np.cumsum(steps), 3)[None] % 5)


def row(*values):
    """A label map of one row."""
    return np.array([values], np.uint16)


def outcome_lists(truth, found):
    return {name: ids.tolist() for name, ids in vars(outcomes(measure_overlaps(truth, found))).items() if len(ids)}


def nuclei_of(labels):
    """Each number with its mask."""
    return {int(number): labels == number for number in np.unique(labels) if number}


def test_overlaps_worked_by_hand():
    overlaps = measure_overlaps(row(7, 7, 7, 0, 2, 2, 9), row(3, 3, 8, 8, 8, 0, 0))
    assert (overlaps.truth_ids.tolist(), overlaps.truth_areas.tolist()) == ([2, 7, 9], [2, 3, 1])
    assert (overlaps.found_ids.tolist(), overlaps.found_areas.tolist()) == ([3, 8], [2, 3])
    ids = zip(overlaps.truth_ids[overlaps.rows], overlaps.found_ids[overlaps.columns], strict=True)
    assert dict(zip(ids, overlaps.shared, strict=True)) == {(2, 8): 1, (7, 3): 2, (7, 8): 1}
    assert overlaps.iou.tolist() == pytest.approx([1 / 4, 2 / 3, 1 / 5])
    pairs = match(overlaps)
    assert (pairs.truth.tolist(), pairs.found.tolist(), pairs.iou.tolist()) == ([1], [0], [2 / 3])


def test_an_iou_equal_to_the_threshold_does_not_match():
    for step, threshold in enumerate(IOU_THRESHOLDS):
        nucleus, part = np.ones((1, 20), int), (np.arange(20) < 10 + step)[None]
        assert len(match(measure_overlaps(nucleus, part), threshold).iou) == 0
        assert len(match(measure_overlaps(nucleus[:, 1:], part[:, 1:] | part[:, :-1]), threshold).iou) == 1


def test_below_a_half_matches_would_not_be_unique():
    overlaps = measure_overlaps(row(1), row(1))
    for function in (match, outcomes):
        with pytest.raises(ValueError, match=r"below 0\.5"):
            function(overlaps, 0.4)


def test_maps_of_different_sizes():
    with pytest.raises(ValueError, match=r"different sizes, \(1, 2\) and \(1, 1\)"):
        measure_overlaps(row(1, 2), row(1))


def test_no_nuclei():
    for truth, found in ((row(0, 0), row(0, 0)), (row(0, 4), row(0, 0)), (row(0, 0), row(0, 4))):
        overlaps = measure_overlaps(truth, found)
        assert (len(overlaps.truth_ids), len(overlaps.found_ids)) == (int(truth.any()), int(found.any()))
        assert len(overlaps.rows) == len(overlaps.shared) == len(overlaps.iou) == len(match(overlaps).iou) == 0


def test_a_nucleus_split_in_halves():
    assert outcome_lists(row(1, 1, 1, 1), row(1, 1, 2, 2)) == {"split": [1], "fragments": [1, 2]}


def test_two_nuclei_merged():
    assert outcome_lists(row(1, 1, 2, 2), row(5, 5, 5, 5)) == {"missed": [1, 2], "merged": [5]}


def test_neither_a_lone_fragment_nor_a_lone_cover_is_split_or_merged():
    assert outcome_lists(row(1, 1, 1, 1), row(1, 1, 0, 0)) == {"missed": [1], "false": [1]}
    assert outcome_lists(row(1, 1, 0, 0), row(1, 1, 1, 1)) == {"missed": [1], "false": [1]}


def test_matched_comes_before_split_and_merged():
    large, pieces = row(1, 1, 1, 1, 1, 1), row(3, 3, 3, 3, 3, 4)
    assert outcome_lists(large, pieces) == {"matched_truth": [1], "matched_found": [3], "false": [4]}
    assert outcome_lists(pieces, large) == {"matched_truth": [3], "missed": [4], "matched_found": [1]}


def test_merged_comes_before_fragment():
    # Of object 5's seven pixels four lie in the large nucleus 1, where 6 lies too; it also covers 2, 3 and 4.
    truth, found = row(1, 1, 1, 1, 1, 1, 1, 1, 2, 3, 4), row(6, 6, 6, 0, 5, 5, 5, 5, 5, 5, 5)
    assert outcome_lists(truth, found) == {"split": [1], "missed": [2, 3, 4], "merged": [5], "fragments": [6]}


@given(pairs_of_maps)
def test_overlaps_are_what_a_loop_over_all_nuclei_finds(pair):
    overlaps = measure_overlaps(*pair)
    truth, found = map(nuclei_of, pair)
    assert dict(zip(overlaps.truth_ids, overlaps.truth_areas, strict=True)) == {a: m.sum() for a, m in truth.items()}
    assert dict(zip(overlaps.found_ids, overlaps.found_areas, strict=True)) == {b: m.sum() for b, m in found.items()}
    expected = {(a, b): (m & n).sum() for a, m in truth.items() for b, n in found.items() if (m & n).any()}
    ids = zip(overlaps.truth_ids[overlaps.rows], overlaps.found_ids[overlaps.columns], strict=True)
    assert dict(zip(ids, overlaps.shared, strict=True)) == expected


@given(bands, bands)
def test_outcomes_are_what_a_loop_over_all_nuclei_finds(truth, found):
    nuclei, objects = nuclei_of(truth), nuclei_of(found)
    matched = [(a, b) for a, m in nuclei.items() for b, n in objects.items() if 2 * (m & n).sum() > (m | n).sum()]
    inside = {a: [b for b, n in objects.items() if 2 * (m & n).sum() > n.sum()] for a, m in nuclei.items()}
    covers = {b: [a for a, m in nuclei.items() if 2 * (m & n).sum() > m.sum()] for b, n in objects.items()}
    split = {a for a in nuclei if len(inside[a]) > 1} - {a for a, _ in matched}
    merged = {b for b in objects if len(covers[b]) > 1} - {b for _, b in matched}
    fragments = {b for a in split for b in inside[a]} - merged - {b for _, b in matched}
    result = {name: set(ids.tolist()) for name, ids in vars(outcomes(measure_overlaps(truth, found))).items()}
    assert result == {
        "matched_truth": {a for a, _ in matched},
        "split": split,
        "missed": set(nuclei) - split - {a for a, _ in matched},
        "matched_found": {b for _, b in matched},
        "merged": merged,
        "fragments": fragments,
        "false": set(objects) - merged - fragments - {b for _, b in matched},
    }


@pytest.mark.parametrize("factor", [70_000, 3_000_000_000, 2**60, -5])
def test_numbers_of_any_size(factor):
    truth, found = row(0, 1, 1, 2, 3, 3).astype(np.int64), row(2, 2, 2, 1, 0, 3).astype(np.int64)
    overlaps = measure_overlaps(truth * factor, found * factor)
    assert overlaps.truth_ids.tolist() == sorted(number * factor for number in (1, 2, 3))
    ids = zip(overlaps.truth_ids[overlaps.rows], overlaps.found_ids[overlaps.columns], strict=True)
    expected = {(1, 2): 2 / 3, (2, 1): 1, (3, 3): 1 / 2}
    assert dict(zip(ids, overlaps.iou, strict=True)) == {
        (a * factor, b * factor): iou for (a, b), iou in expected.items()
    }


@pytest.mark.parametrize("kind", [np.bool, np.uint8, np.int32, np.uint64])
def test_integers_of_any_kind(kind):
    overlaps = measure_overlaps(row(0, 1, 1).astype(kind), row(1, 1, 1))
    assert (overlaps.truth_areas.tolist(), overlaps.found_areas.tolist(), overlaps.shared.tolist()) == ([2], [3], [2])


@given(pairs_of_maps, st.sampled_from(IOU_THRESHOLDS))
def test_no_nucleus_matches_twice(pair, threshold):
    pairs = match(measure_overlaps(*pair), threshold)
    assert len(set(pairs.truth)) == len(set(pairs.found)) == len(pairs.iou)
