import os
import time

import pytest

from unet.parallel import map_in_processes


def test_results_come_in_the_items_order_and_are_counted():
    seen = []
    found = map_in_processes(abs, list(range(-20, 0)), lambda done, total: seen.append((done, total)))
    assert found == list(range(20, 0, -1))
    assert seen == [(done, 20) for done in range(1, 21)]
    assert map_in_processes(abs, []) == []


def test_what_the_function_raises_is_raised_here():
    with pytest.raises(ValueError, match="invalid literal"):
        map_in_processes(int, ["1", "x", "3"])


def test_a_process_that_dies_is_no_endless_wait():
    began = time.monotonic()
    with pytest.raises(RuntimeError, match="before its work was done"):
        map_in_processes(os._exit, [3, 3])
    assert time.monotonic() - began < 60
