"""The same work on many files, by a few threads: decoding and compressing release Python's lock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

# One a core: more of them spend their time handing Python's lock around, twice the processor time for 28,986 masks.
WORKERS = min(8, os.cpu_count() or 1)


def map_files(
    function: Callable[[Item], Result], items: Sequence[Item], progress: Callable[[int, int], None] | None = None
) -> list[Result]:
    """Return the function's results in the items' order; whatever it raises ends the work at once.

    Never more than ``WORKERS`` items are in hand, so memory is bounded where results are small.

    Parameters
    ----------
    function : callable
    items : sequence
    progress : callable, optional
        Takes the number of items done and their total; called in the caller's thread.
    """
    results = []
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="files")
    try:
        for result in pool.map(function, items):
            results.append(result)
            if progress:
                progress(len(results), len(items))
        return results
    finally:
        pool.shutdown(cancel_futures=True)
