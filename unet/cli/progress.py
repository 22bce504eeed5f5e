"""How far a command is, on a terminal."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator

from tqdm import tqdm
from tqdm.contrib.logging import logging_redirect_tqdm

from unet.runs.state import Phase, RunState


@contextlib.contextmanager
def progress(title: str, unit: str = "file") -> Iterator[Callable[[int, int], None]]:
    """Show a bar on a terminal, nothing elsewhere; yield what takes the number done and the total."""
    with tqdm(desc=title, unit=unit, disable=None, leave=False) as bar:

        def update(done: int, total: int) -> None:
            bar.total = total
            bar.update(done - bar.n)

        yield update


@contextlib.contextmanager
def training_bar() -> Iterator[Callable[[RunState], None]]:
    """Show the phases, epochs and batches of a training on a terminal; yield what takes its state."""
    with (
        logging_redirect_tqdm(),
        tqdm(unit="batch", disable=None, bar_format="{desc} {bar} {n_fmt}/{total_fmt}{postfix}") as bar,
    ):

        def update(state: RunState) -> None:
            if state.phase == Phase.TRAINING:
                bar.set_description_str(f"Epoch {state.epoch}/{state.epochs}", refresh=False)
                if state.images_per_second:
                    left = time.strftime("%H:%M:%S", time.gmtime(state.seconds_left))
                    bar.set_postfix_str(f"{state.images_per_second:.1f} images/s, {left} left", refresh=False)
            else:
                bar.set_description_str(state.phase.capitalize(), refresh=False)
            bar.total = state.batches or None
            bar.n = state.batch
            bar.update(0)
            bar.refresh()

        yield update
