"""A progress bar for work that may also have been done before: then nothing is drawn."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import streamlit as st

SECONDS_BETWEEN = 0.1


@contextmanager
def progress_bar(doing: str, unit: str = "") -> Iterator[Callable[[int, int], None]]:
    """Yield a callable that takes how much is done and the total; the bar goes when the block ends.

    Parameters
    ----------
    doing : str
        What is being done.
    unit : str
        What is counted; with ``MB`` the numbers are of bytes.
    """
    place = st.empty()
    shown = 0.0

    def tell(done: int, total: int) -> None:
        nonlocal shown
        now = time.monotonic()
        if now - shown < SECONDS_BETWEEN and done < total:
            return
        shown = now
        place.progress(min(1.0, done / max(1, total)), f"{doing}: {_counted(done, total, unit)}")

    try:
        yield tell
    finally:
        place.empty()


def _counted(done: int, total: int, unit: str) -> str:
    if unit == "MB":
        return f"{done / 1e6:.0f} of {total / 1e6:.0f} MB"
    return f"{done:,} of {total:,} {unit}".rstrip()
