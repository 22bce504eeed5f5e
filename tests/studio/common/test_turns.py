"""Work of many visitors: fair, told where it stands, and let go when nobody waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from studio.common.turns import Place, Turns, Work

SECONDS = 20  # longer than anything here takes


class Gate:
    """Work that says when it was begun, and goes on when it is let."""

    def __init__(self, done: list[str], name: str, images: int = 1):
        self.begun, self.go_on, self.ended = threading.Event(), threading.Event(), threading.Event()
        self._done, self._name, self.left = done, name, False
        self.work = Work(self._do, images)

    def _do(self, tell: Callable[[int, int], None]) -> None:
        self.begun.set()
        try:
            while not self.go_on.wait(0.01):
                tell(1, 2)
            self._done.append(self._name)
        except Exception:
            self.left = True
            raise
        finally:
            self.ended.set()


class Page(threading.Thread):
    """A page that waits until all is done, or until it is left."""

    def __init__(self, turns: Turns, name: str, gates: dict[str, Gate]):
        super().__init__(daemon=True)
        self._turns, self._name, self._gates = turns, name, gates
        self.places: list[Place] = []
        self.is_left = threading.Event()
        self.asked = threading.Event()
        self.start()
        assert self.asked.wait(SECONDS)

    def run(self) -> None:
        for place in self._turns.wait(self._name, {key: gate.work for key, gate in self._gates.items()}):
            self.places.append(place)
            self.asked.set()
            if self.is_left.is_set():
                return
        self.asked.set()

    def ends(self) -> bool:
        self.join(SECONDS)
        return not self.is_alive()


@pytest.fixture
def done() -> list[str]:
    return []


@pytest.fixture
def turns() -> Turns:
    return Turns(patience=0.6)


@pytest.fixture
def gate(done) -> Iterator[Callable[..., Gate]]:
    gates: list[Gate] = []

    def make(name: str, images: int = 1, is_open: bool = False) -> Gate:
        gates.append(Gate(done, name, images))
        if is_open:
            gates[-1].go_on.set()
        return gates[-1]

    yield make
    for each in gates:
        each.go_on.set()


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_visitors_take_turns_however_much_the_first_wants(turns, gate, done):
    first = gate("anna 1")
    anna = Page(turns, "anna", {"1": first} | {each: gate(f"anna {each}", is_open=True) for each in "2345"})
    assert first.begun.wait(SECONDS)
    bert = Page(turns, "bert", {each: gate(f"bert {each}", is_open=True) for each in "12"})
    first.go_on.set()
    assert anna.ends() and bert.ends()
    assert done == ["anna 1", "bert 1", "anna 2", "bert 2", "anna 3", "anna 4", "anna 5"]


def test_a_page_is_told_how_many_images_of_others_come_first(turns, gate):
    first, second = gate("anna", images=2), gate("bert", images=8)
    anna = Page(turns, "anna", {"": first})
    assert first.begun.wait(SECONDS)
    bert, carl = Page(turns, "bert", {"": second}), Page(turns, "carl", {"": gate("carl", is_open=True)})
    until(lambda: carl.places[-1].ahead == 10 and bert.places[-1].ahead == 2)
    until(lambda: anna.places[-1] == Place(0, (1, 2)))
    first.go_on.set()
    until(lambda: carl.places[-1].ahead == 8 and bert.places[-1].ahead == 0)
    second.go_on.set()
    assert anna.ends() and bert.ends() and carl.ends()


def test_what_a_page_that_was_left_wanted_is_let_go(turns, gate, done):
    first, second = gate("anna 1"), gate("anna 2")
    anna = Page(turns, "anna", {"1": first, "2": second})
    assert first.begun.wait(SECONDS)
    anna.is_left.set()
    assert first.ended.wait(SECONDS) and first.left
    assert Page(turns, "bert", {"": gate("bert", is_open=True)}).ends()
    assert done == ["bert"] and not second.begun.is_set()


def test_other_wishes_take_the_place_of_the_first_at_once(gate, done):
    turns = Turns(patience=SECONDS)
    first, kept = gate("first"), gate("kept", is_open=True)
    anna = Page(turns, "anna", {"first": first, "kept": kept})
    assert first.begun.wait(SECONDS)
    anna.is_left.set()
    assert anna.ends()
    again = Page(turns, "anna", {"kept": kept, "new": gate("new", is_open=True)})
    assert again.ends() and first.left
    assert done == ["kept", "new"]


def test_a_page_that_runs_again_goes_on_with_what_is_being_done(turns, gate, done):
    first = gate("anna")
    anna = Page(turns, "anna", {"": first})
    assert first.begun.wait(SECONDS)
    anna.is_left.set()
    assert anna.ends()
    again = Page(turns, "anna", {"": first})
    first.go_on.set()
    assert again.ends() and done == ["anna"] and not first.left


def test_who_leaves_is_let_go_at_once(gate):
    turns = Turns(patience=SECONDS)
    first = gate("anna")
    anna = Page(turns, "anna", {"": first})
    assert first.begun.wait(SECONDS)
    turns.leave("anna")
    assert anna.ends()
    assert first.ended.wait(SECONDS) and first.left


def test_a_visitor_who_comes_back_finds_her_wishes(gate, done):
    """A page of a busy server may be late; that is no reason to forget what it waits for."""
    turns = Turns(patience=0.3)
    first = gate("anna")
    places = turns.wait("anna", {"": first.work})
    next(places)
    assert first.begun.wait(SECONDS) and first.ended.wait(SECONDS) and first.left
    first.go_on.set()
    assert list(places) == [] or done == ["anna"]
    assert done == ["anna"]


def test_a_problem_is_its_visitors_own(turns, gate):
    def fail(tell: Callable[[int, int], None]) -> None:
        raise ValueError("as it happens")

    with pytest.raises(ValueError, match="as it happens"):
        for _ in turns.wait("anna", {"1": Work(fail), "2": gate("anna 2").work}):
            pass
    assert Page(turns, "bert", {"": gate("bert", is_open=True)}).ends()
    assert list(turns.wait("anna", {})) == []
