"""What is held stays within its bound, and is worked out once."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
from hypothesis import given, strategies

from studio.common.held import Held
from unet.memmap import LARGE_PIXELS, new_map


def zeros(size: int) -> np.ndarray:
    return np.zeros(size, np.uint8)


@given(sizes=strategies.lists(strategies.tuples(strategies.integers(0, 9), strategies.integers(0, 200)), max_size=40))
def test_the_bound_holds_whatever_comes(sizes):
    held = Held(max_bytes=300)
    first: dict[int, int] = {}
    for key, size in sizes:
        found = held.get(key, lambda size=size: zeros(size))
        first[key] = len(found)
        assert held.bytes <= max(300, len(found))
        assert held.get(key, lambda: pytest.fail("The newest is held.")) is found


def test_what_was_used_last_stays():
    held = Held(max_bytes=30)
    for key in "abc":
        held.get(key, lambda: zeros(10))
    held.get("a", lambda: pytest.fail("It is held."))
    held.get("d", lambda: zeros(10))
    held.get("a", lambda: pytest.fail("It was used after b."))
    made = []
    held.get("b", lambda: made.append("b") or zeros(10))
    assert made == ["b"]


def test_what_lies_on_disk_is_counted_by_itself(tmp_path):
    held, side = Held(max_bytes=10, max_mapped=2), int(LARGE_PIXELS**0.5) + 1
    held.get("small", lambda: zeros(10))
    for key in "abc":
        held.get(key, lambda: new_map((side, side), np.uint8, tmp_path))
    held.get("small", lambda: pytest.fail("Maps on disk take no memory."))
    assert held.bytes == 10
    made = []
    held.get("a", lambda: made.append("a") or zeros(1))
    assert made == ["a"]


def test_it_is_made_once_though_many_ask():
    held, made = Held(max_bytes=100), []

    def make() -> np.ndarray:
        made.append(threading.get_ident())
        time.sleep(0.05)
        return zeros(10)

    threads = [threading.Thread(target=held.get, args=("a", make)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1


def test_what_could_not_be_made_is_tried_again():
    held = Held(max_bytes=100)

    def fail() -> np.ndarray:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        held.get("a", fail)
    assert len(held.get("a", lambda: zeros(3))) == 3


def test_nobody_changes_what_is_held():
    array = Held(max_bytes=100).get("a", lambda: zeros(3))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
