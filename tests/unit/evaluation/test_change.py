"""What a model was worth before and after: nuclei that nobody corrected say little, and nothing of outlines."""

from __future__ import annotations

import numpy as np

from unet.evaluation.change import change_in, change_of


def squares(*boxes):
    labels = np.zeros((60, 60), np.uint16)
    for number, (top, left, side) in enumerate(boxes, start=1):
        labels[top : top + side, left : left + side] = number
    return labels


def test_corrected_nuclei_are_counted_by_themselves():
    kept, moved, added = (2, 2, 10), (2, 20, 10), (20, 2, 10)
    truth = squares(kept, moved, added)
    before = squares(kept, (2, 26, 10), (40, 40, 10))  # one beside its place, one missing, one that is none
    after = squares((3, 3, 10), moved, added)
    one = change_in(truth, before, after)
    assert (one.corrected, one.found_before, one.found_after) == (2, 0, 2)
    change = change_of([one, one], kept_out=True)
    assert (change.images, change.nuclei, change.corrected, change.found_after) == (2, 6, 4, 4)
    assert change.kept_out and not change.is_independent
    assert change.before.average_precision[0] == 1 / 5 and change.after.average_precision[0] == 1


def test_outlines_count_where_all_are_others():
    truth = squares((2, 2, 10), (20, 20, 10))
    change = change_of([change_in(truth, squares((3, 2, 10)), truth)], kept_out=False)
    assert change.is_independent and (change.found_before, change.found_after) == (1, 2)


def test_an_image_without_nuclei():
    nothing = np.zeros((8, 8), np.uint16)
    change = change_of([change_in(nothing, nothing, nothing)], kept_out=False)
    assert (change.nuclei, change.corrected) == (0, 0)
