from __future__ import annotations

import json
import multiprocessing
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unet.config import Separation
from unet.corrections import history
from unet.corrections.history import Basis, Conflict, Corrections
from unet.corrections.operation import CorrectionError, Operation
from unet.preprocess.adjust import ImageAdjustments

BASIS = Basis("abc", 0, "model", ImageAdjustments(), 0.5, Separation())


def delete(*numbers: int) -> Operation:
    return Operation("delete", numbers=numbers)


def test_nothing_is_lost_between_processes_and_nothing_is_written_twice(tmp_path):
    assert history.read(BASIS, tmp_path) == Corrections()
    for index in range(3):
        assert history.add(BASIS, tmp_path, delete(index + 1), seen=index).revision == index + 1
    assert [each.numbers for each in history.read(BASIS, tmp_path).operations] == [(1,), (2,), (3,)]
    lines = BASIS.path(tmp_path).read_text().splitlines()
    assert json.loads(lines[0])["image"] == "abc"
    assert len(lines) == 4


def test_each_image_model_adjustment_and_threshold_has_a_list_of_its_own(tmp_path):
    history.add(BASIS, tmp_path, delete(1), seen=0)
    for other in (
        replace(BASIS, image="abd"),
        replace(BASIS, page=1),
        replace(BASIS, model="other"),
        replace(BASIS, preparation=ImageAdjustments(invert=True)),
        replace(BASIS, threshold=0.51),
        replace(BASIS, separation=Separation(min_area=30)),
    ):
        assert history.read(other, tmp_path) == Corrections()
    moved = replace(BASIS, threshold=0.51)
    ((other, corrections),) = history.others(moved, tmp_path)
    assert other == BASIS
    assert corrections.operations == (delete(1),)
    assert history.others(BASIS, tmp_path) == []


def test_two_tabs_do_not_overwrite_each_other(tmp_path):
    history.add(BASIS, tmp_path, delete(1), seen=0)
    with pytest.raises(Conflict, match="another tab"):
        history.add(BASIS, tmp_path, delete(2), seen=0)
    with pytest.raises(Conflict):
        history.undo(BASIS, tmp_path, seen=0)
    assert history.read(BASIS, tmp_path).operations == (delete(1),)


def _race(home: Path, number: int) -> bool:
    try:
        history.add(BASIS, home, delete(number), seen=0)
    except Conflict:
        return False
    return True


def test_of_many_at_once_one_wins(tmp_path):
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        won = pool.starmap(_race, [(tmp_path, number) for number in range(1, 5)])
    assert sum(won) == 1
    assert history.read(BASIS, tmp_path).revision == 1


def test_a_crash_in_mid_write_loses_only_that_line(tmp_path):
    history.add(BASIS, tmp_path, delete(1), seen=0)
    path = BASIS.path(tmp_path)
    whole = path.read_bytes()
    for cut in range(1, 30):
        path.write_bytes(whole + b'{"do":"apply","operation":{"kind"'[:cut])
        assert history.read(BASIS, tmp_path).operations == (delete(1),)
    assert history.add(BASIS, tmp_path, delete(2), seen=1).operations == (delete(1), delete(2))
    assert path.read_bytes().startswith(whole)
    path.write_bytes(b"")
    history.add(BASIS, tmp_path, delete(3), seen=0)
    assert history.read(BASIS, tmp_path).operations == (delete(3),)


def test_a_damaged_list_is_said_to_be(tmp_path):
    history.add(BASIS, tmp_path, delete(1), seen=0)
    path = BASIS.path(tmp_path)
    path.write_bytes(path.read_bytes() + b"nonsense\n")
    with pytest.raises(CorrectionError, match=r"Line 3 .* is damaged"):
        history.read(BASIS, tmp_path)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.one_of(st.integers(1, 9), st.tuples(st.sampled_from(["undo", "redo"]), st.integers(1, 4)))))
def test_undo_and_redo_without_limit(steps):
    now, done, undone = Corrections(), [], []
    for step in steps:
        if isinstance(step, int):
            now = now.after({"do": "apply", "operation": delete(step).to_dict()})
            done, undone = [*done, delete(step)], []
        else:
            now = now.after({"do": step[0], "count": step[1]})
            source, target = (done, undone) if step[0] == "undo" else (undone, done)
            for _ in range(min(step[1], len(source))):
                target.append(source.pop())
        assert now.operations == tuple(done)
        assert now.undone == tuple(undone)
    assert now.after({"do": "undo", "count": len(steps) + 1}).operations == ()
    assert now.revision == len(steps)


def test_a_sentence_says_what_was_done():
    draw = Operation("draw", ((0, 0), (1, 0), (1, 1)))
    done = [draw, draw, Operation("add", ((1, 1),)), delete(1, 2, 3), Operation("split", ((0, 0), (1, 1)))]
    done += [Operation("merge", numbers=(4, 5)), Operation("smooth", numbers=(4,))]
    assert history.sentence(done) == "9 corrections: 3 added, 3 deleted, 1 split, 1 merged, 1 reshaped"
    assert history.sentence([delete(1)]) == "1 correction: 1 deleted"
    assert history.sentence([]) == "No corrections"


def test_a_list_is_told_from_another_one_of_the_same_length(tmp_path):
    first = history.add(BASIS, tmp_path, delete(1), seen=0)
    assert history.read(BASIS, tmp_path) == first
    BASIS.path(tmp_path).unlink()
    other = history.add(BASIS, tmp_path, delete(2), seen=0)
    assert len({0, first.identity, other.identity}) == 3
    BASIS.path(tmp_path).unlink()
    assert history.add(BASIS, tmp_path, delete(1), seen=0).identity == first.identity
