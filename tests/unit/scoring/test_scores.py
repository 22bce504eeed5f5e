import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.scoring.matching import IOU_THRESHOLDS, match, measure_overlaps, outcomes
from unet.scoring.scores import Counts, count, scores_of

maps = arrays(np.uint8, (9, 11), elements=st.sampled_from([0, 0, 1, 2, 3, 250]))
PERFECT = ("competition", "ap_50_90", "precision", "recall", "f1", "panoptic_quality", "dice", "iou", "pooled_dice")


def row(*values):
    """A label map of one row."""
    return np.array([values], np.uint16)


def scores(truth, found):
    return scores_of(count(truth, found))


def test_a_worked_example():
    # Nucleus 1 is found with 3 of 4 pixels (IoU .75), 2 is missed, and one object is false.
    truth = row(1, 1, 1, 1, 0, 2, 2, 0, 0, 0)
    found = row(5, 5, 5, 0, 0, 0, 0, 0, 9, 9)
    result = scores(truth, found)
    above = [threshold < 0.75 for threshold in IOU_THRESHOLDS]
    assert result.average_precision == pytest.approx([1 / 3 if each else 0 for each in above])
    assert result.competition == pytest.approx(sum(above) / 3 / 10)
    assert result.ap_50_90 == pytest.approx(sum(above) / 3 / 9)
    assert (result.precision, result.recall, result.f1) == (0.5, 0.5, 0.5)
    assert result.panoptic_quality == pytest.approx(0.75 / (1 + 0.5 + 0.5))
    assert result.dice == pytest.approx(2 * 3 / (6 + 5))
    assert result.iou == pytest.approx(3 / 8)
    assert (result.nuclei, result.found, result.count_error) == (2, 2, 0)


def test_half_is_not_enough():
    # IoU is 2 / 4 exactly: the competition matches strictly above.
    assert scores(row(1, 1, 1, 1), row(1, 1, 0, 0)).recall == 0
    assert scores(row(1, 1, 1, 1, 1), row(1, 1, 1, 0, 0)).recall == 1
    with pytest.raises(ValueError, match=r"below 0\.5"):
        match(measure_overlaps(row(1), row(1)), 0.4)


def test_split_and_merged():
    nucleus, halves = row(1, 1, 1, 1, 1, 1), row(1, 1, 1, 2, 2, 2)
    sides = outcomes(measure_overlaps(nucleus, halves))
    assert (sides.split.tolist(), sides.fragments.tolist()) == ([1], [1, 2])
    assert not any(len(ids) for ids in (sides.missed, sides.matched_truth, sides.false, sides.merged))
    sides = outcomes(measure_overlaps(halves, nucleus))
    assert (sides.missed.tolist(), sides.merged.tolist()) == ([1, 2], [1])
    assert scores(nucleus, halves).count_error == 1
    assert scores(halves, nucleus).count_error == 0.5


def test_a_matched_nucleus_is_not_called_split_or_merged():
    sides = outcomes(measure_overlaps(row(1, 1, 1, 1, 1, 1, 1, 2), row(3, 3, 3, 3, 3, 3, 3, 3)))
    assert (sides.matched_found.tolist(), sides.merged.tolist(), sides.missed.tolist()) == ([3], [], [2])


def test_nothing_to_find():
    empty, something = row(0, 0), row(0, 4)
    assert all(getattr(scores(empty, empty), name) == 1 for name in PERFECT)
    assert scores(empty, empty).count_error == 0
    for truth, found in ((empty, something), (something, empty)):
        assert all(getattr(scores(truth, found), name) == 0 for name in PERFECT)
        assert scores(truth, found).count_error == 1


def test_pooled_and_mean_scores_differ_as_defined():
    many = np.arange(1, 10)[None].repeat(3, axis=0)
    one = row(1, 1, 1)
    counts = [count(many, many), count(one, row(0, 0, 0))]
    result = scores_of(counts)
    assert result.competition == 0.5
    assert result.average_precision[0] == 0.9
    assert (result.images, result.nuclei, result.found) == (2, 10, 9)


def test_no_image_at_all():
    assert scores_of([]).competition == 0
    assert scores_of([]).images == 0


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="different sizes"):
        count(row(1, 2), row(1))


@given(maps)
def test_the_truth_itself_is_perfect(truth):
    result = scores(truth, truth)
    assert all(getattr(result, name) == 1 for name in PERFECT)
    assert result.count_error == 0


@given(maps, maps)
def test_scores_are_what_a_loop_over_all_nuclei_finds(truth, found):
    result = scores(truth, found)
    ids = [n for n in np.unique(truth) if n], [n for n in np.unique(found) if n]
    pairs = [((truth == a) & (found == b)).sum() / ((truth == a) | (found == b)).sum() for a in ids[0] for b in ids[1]]
    for threshold, precision in zip(IOU_THRESHOLDS, result.average_precision, strict=True):
        matched = sum(pair > threshold for pair in pairs)
        everything = len(ids[0]) + len(ids[1]) - matched
        assert precision == pytest.approx(matched / everything if everything else 1)
    matched = [pair for pair in pairs if pair > 0.5]
    both = len(ids[0]) + len(ids[1])
    assert result.panoptic_quality == pytest.approx(2 * sum(matched) / both if both else 1)


@given(maps, maps)
def test_numbers_mean_nothing_and_roles_swap(truth, found):
    result = scores(truth, found)
    renumbered = np.array([0, *range(70_000_000, 70_000_255)])[truth]
    assert scores(renumbered, found.astype(np.int64)) == result
    swapped = scores(found, truth)
    assert (swapped.precision, swapped.recall) == (result.recall, result.precision)
    assert swapped.average_precision == result.average_precision
    assert list(result.average_precision) == sorted(result.average_precision, reverse=True)


@given(maps, maps)
def test_every_nucleus_has_one_outcome(truth, found):
    sides = outcomes(measure_overlaps(truth, found))
    assert sorted([*sides.matched_truth, *sides.split, *sides.missed]) == [n for n in np.unique(truth) if n]
    parts = [*sides.matched_found, *sides.merged, *sides.fragments, *sides.false]
    assert sorted(parts) == [n for n in np.unique(found) if n]


@given(st.lists(st.tuples(maps, maps), min_size=1, max_size=4))
def test_counts_add_up(pairs):
    counts = [count(*pair) for pair in pairs]
    total = sum(counts, start=Counts())
    assert scores_of(counts) == scores_of(total)
    assert Counts.from_dict(json.loads(json.dumps(total.to_dict()))) == total
    assert scores_of(counts).competition == pytest.approx(np.mean([scores_of(each).competition for each in counts]))
