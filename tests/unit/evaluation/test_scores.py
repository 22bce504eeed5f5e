import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from unet.evaluation.matching import IOU_THRESHOLDS
from unet.evaluation.scores import Counts, count, scores_of

# Runs of equal numbers, and a result that differs from them in some pixels, so that many nuclei match.
maps = arrays(np.uint8, (8,), elements=st.sampled_from([0, 1, 2, 3, 250])).map(lambda row: np.repeat(row, 4)[None])
results = st.tuples(maps, maps, arrays(np.bool, (1, 32), elements=st.sampled_from([False, False, False, True])))
pairs_of_maps = results.map(lambda drawn: (drawn[0], np.where(drawn[2], drawn[1], drawn[0])))
SHARES = (
    *("competition", "ap_50_90", "precision", "recall", "f1", "panoptic_quality"),
    *("dice", "iou", "pooled_dice", "pooled_iou"),
)


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


def test_a_split_and_a_merged_nucleus():
    nucleus, halves = row(1, 1, 1, 1, 1, 1), row(1, 1, 1, 2, 2, 2)
    assert scores(nucleus, halves).count_error == 1
    assert scores(halves, nucleus).count_error == 0.5
    for result in (scores(nucleus, halves), scores(halves, nucleus)):
        assert (result.competition, result.f1, result.panoptic_quality, result.dice) == (0, 0, 0, 1)


def test_nothing_to_find():
    empty, something = row(0, 0), row(0, 4)
    assert all(getattr(scores(empty, empty), name) == 1 for name in SHARES)
    assert scores(empty, empty).count_error == 0
    for truth, found in ((empty, something), (something, empty)):
        assert all(getattr(scores(truth, found), name) == 0 for name in SHARES)
        assert scores(truth, found).count_error == 1


def test_pooled_and_mean_scores_differ_as_defined():
    # Nine nuclei of three pixels found, and in another image one of three pixels missed.
    many = np.arange(1, 10)[None].repeat(3, axis=0)
    result = scores_of([count(many, many), count(row(1, 1, 1), row(0, 0, 0))])
    assert (result.images, result.nuclei, result.found) == (2, 10, 9)
    assert (result.competition, result.dice, result.iou, result.count_error) == (0.5, 0.5, 0.5, 0.5)
    assert result.average_precision == (0.9,) * 10
    assert (result.precision, result.recall, result.f1) == (1, 0.9, 18 / 19)
    assert result.panoptic_quality == 9 / (9 + 0.5)
    assert (result.pooled_dice, result.pooled_iou) == (54 / 57, 0.9)


def test_an_empty_image_adds_nothing_to_pooled_scores():
    half = count(row(1, 1, 0, 2, 2), row(1, 1, 0, 0, 0))
    alone, beside = scores_of(half), scores_of([half, count(row(0), row(0))])
    assert (beside.average_precision, beside.pooled_dice) == (alone.average_precision, alone.pooled_dice)
    assert beside.competition == (alone.competition + 1) / 2


def test_no_image_at_all():
    assert scores_of([]).competition == 0
    assert scores_of([]).images == 0


def test_sizes_must_agree():
    with pytest.raises(ValueError, match="different sizes"):
        count(row(1, 2), row(1))


@given(maps)
def test_the_truth_itself_is_perfect(truth):
    result = scores(truth, truth)
    assert all(getattr(result, name) == 1 for name in SHARES)
    assert result.count_error == 0


@given(pairs_of_maps)
def test_scores_are_what_a_loop_over_all_nuclei_finds(pair):
    truth, found = pair
    result = scores(truth, found)
    nuclei, objects = ([labels == number for number in np.unique(labels) if number] for labels in pair)
    overlaps = [(one & two).sum() / (one | two).sum() for one in nuclei for two in objects]
    both = len(nuclei) + len(objects)
    matched = [sum(overlap > threshold for overlap in overlaps) for threshold in IOU_THRESHOLDS]
    precisions = [each / (both - each) if both else 1 for each in matched]
    assert result.average_precision == pytest.approx(precisions)
    assert result.competition == pytest.approx(np.mean(precisions))
    assert result.ap_50_90 == pytest.approx(np.mean(precisions[:-1]))
    assert result.precision == pytest.approx(matched[0] / len(objects) if objects else int(not nuclei))
    assert result.recall == pytest.approx(matched[0] / len(nuclei) if nuclei else int(not objects))
    assert result.f1 == pytest.approx(2 * matched[0] / both if both else 1)
    quality = sum(overlap for overlap in overlaps if overlap > 0.5)
    assert result.panoptic_quality == pytest.approx(2 * quality / both if both else 1)
    shared, union = ((truth > 0) & (found > 0)).sum(), ((truth > 0) | (found > 0)).sum()
    assert result.dice == result.pooled_dice == pytest.approx(2 * shared / (shared + union) if union else 1)
    assert result.iou == result.pooled_iou == pytest.approx(shared / union if union else 1)
    assert result.count_error == pytest.approx(abs(len(objects) - len(nuclei)) / max(len(nuclei), 1))


@given(pairs_of_maps)
def test_numbers_mean_nothing(pair):
    truth, found = pair
    renumbered = np.random.default_rng(0).permutation(np.arange(70_000_000, 70_000_256))
    renumbered[0] = 0
    other, result = scores(renumbered[truth], found.astype(np.int64)), scores(truth, found)
    assert other.panoptic_quality == pytest.approx(result.panoptic_quality)
    assert dataclasses.replace(other, panoptic_quality=result.panoptic_quality) == result


@given(pairs_of_maps)
def test_truth_and_result_swap_precision_and_recall(pair):
    result, swapped = scores(*pair), scores(*reversed(pair))
    assert (swapped.precision, swapped.recall) == (result.recall, result.precision)
    for name in ("average_precision", "competition", "f1", "dice", "iou"):
        assert getattr(swapped, name) == getattr(result, name)


@given(pairs_of_maps)
def test_scores_lie_between_0_and_1_and_fall_with_the_threshold(pair):
    result = scores(*pair)
    assert all(0 <= getattr(result, name) <= 1 for name in SHARES)
    assert list(result.average_precision) == sorted(result.average_precision, reverse=True)


@given(st.lists(pairs_of_maps, min_size=1, max_size=4))
def test_scores_of_several_images(pairs):
    counts = [count(*pair) for pair in pairs]
    result, each = scores_of(counts), [scores_of(one) for one in counts]
    assert scores_of(iter(counts)) == scores_of(sum(counts, start=Counts())) == result
    for name in ("competition", "dice", "iou", "count_error"):
        assert getattr(result, name) == pytest.approx(np.mean([getattr(one, name) for one in each]))


@given(*[pairs_of_maps.map(lambda pair: count(*pair))] * 3)
def test_counts_add_up_in_any_order(one, two, three):
    def numbers(counts):
        return np.hstack(list(counts.to_dict().values()))

    assert one + Counts() == Counts() + one == one
    assert one + two == two + one
    assert numbers((one + two) + three) == pytest.approx(numbers(one + (two + three)))


@given(pairs_of_maps)
def test_counts_and_scores_survive_json(pair):
    counts = count(*pair)
    assert Counts.from_dict(json.loads(json.dumps(counts.to_dict()))) == counts
    stored = json.loads(json.dumps(scores_of(counts).to_dict()))
    assert stored == scores_of(counts).to_dict() | {"average_precision": list(scores_of(counts).average_precision)}
