"""The same work on many files: by threads, where the work releases Python's lock, else by one process per core.

The processes are plain interpreters that are told what to do through their standard input: ``multiprocessing`` would
run the app's own script again in each of them.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any, BinaryIO, TypeVar

from unet.settings import PROJECT

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


def map_in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], progress: Callable[[int, int], None] | None = None
) -> list[Result]:
    """Return the function's results in the items' order; whatever it raises ends the work at once.

    Parameters
    ----------
    function : callable
        Of a module of this package, or a ``functools.partial`` of one, so that it can be pickled.
    items : sequence
        They and the results must be fit to be pickled.
    progress : callable, optional
        Takes the number of items done and their total; called in the caller's thread.

    Raises
    ------
    RuntimeError
        If a process ends before its work is done: it was killed, or ran out of memory.
    """
    results: dict[int, Any] = {}
    told: SimpleQueue[tuple[int, Any, BaseException | None]] = SimpleQueue()
    workers = [_start() for _ in range(min(WORKERS, len(items)))]
    with ThreadPoolExecutor(max(1, len(workers))) as listeners:
        try:
            for first, worker in enumerate(workers):
                listeners.submit(_listen, worker, function, items, range(first, len(items), len(workers)), told)
            while len(results) < len(items):
                index, result, error = told.get()
                if error:
                    raise error
                results[index] = result
                if progress:
                    progress(len(results), len(items))
        finally:
            for worker in workers:
                worker.kill()
    return [results[index] for index in range(len(items))]


def _start() -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-m", "unet.parallel"], cwd=PROJECT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )


def _listen(worker: subprocess.Popen, function: Callable, items: Sequence, indices: range, told: SimpleQueue) -> None:
    """Give a process its work, and pass on what it answers."""
    index = indices[0]
    try:
        with worker:
            assert worker.stdin and worker.stdout  # both are pipes, see _start
            pickle.dump((function, [items[index] for index in indices]), worker.stdin)
            worker.stdin.close()
            for index in indices:
                result, error = pickle.load(worker.stdout)
                told.put((index, result, error))
    except (EOFError, OSError, pickle.UnpicklingError) as error:
        told.put((index, None, RuntimeError(f"A reading process ended before its work was done ({error}).")))


def main(source: BinaryIO, target: BinaryIO) -> None:
    """Do what ``source`` says and answer to ``target``, item by item: the result, or the exception."""
    function, items = pickle.load(source)
    for item in items:
        result, failure = None, None
        try:
            result = function(item)
        except Exception as error:
            failure = error
        pickle.dump((result, failure), target)
        target.flush()


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # a stray print must not get among the answers
    main(sys.stdin.buffer, answers)
