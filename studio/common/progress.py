"""A progress bar for work that may also have been done before: then nothing is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

from studio.common.text import duration

SECONDS_BETWEEN = 0.1


@contextmanager
def progress_bar(doing: str, unit: str = "") -> Iterator[Callable[..., None]]:
    """Yield a callable that takes how much is done, the total and perhaps a remark; the bar goes when the block ends.

    Parameters
    ----------
    doing : str
        What is being done.
    unit : str
        What is counted; with ``MB`` the numbers are of bytes.
    """
    place = st.empty()
    started, shown = time.monotonic(), 0.0

    def tell(done: int, total: int, remark: str = "") -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < SECONDS_BETWEEN and done < total:
            return
        shown = now
        words = f"{doing}: {_counted(done, total, unit)}{remark or _left(now - started, done, total)}"
        place.progress(min(1.0, done / max(1, total)), words)

    try:
        yield tell
    finally:
        place.empty()


def _left(elapsed: float, done: int, total: int) -> str:
    """Say how much longer it takes, once that can be known and is worth knowing."""
    left = elapsed * (total - done) / max(1, done)
    return f", about {duration(left)} left" if done and elapsed > 2 and left > 3 else ""


def _counted(done: int, total: int, unit: str) -> str:
    if unit == "MB":
        return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
    return f"{done:,} of {total:,} {unit}".rstrip()
