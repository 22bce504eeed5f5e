"""Whether a trainer is still at work: judged by its process, not by the clock, which may be set back or forward."""

from __future__ import annotations

import time

from unet.processes import birth, machine
from unet.runs.state import RunState

# A trainer beats every second; this long without a beat, one whose process cannot be looked up counts as dead.
STALE_SECONDS = 60


def is_alive(state: RunState) -> bool:
    """Tell whether the process that a state names is still there.

    A process that stands still is alive, whatever the clock says. Only one of another machine (or before a restart of
    this one), and one that was just started and has no number yet, is known by its beat alone.
    """
    if state.pid is None or state.born.rpartition(" ")[0] != machine():
        return abs(time.time() - state.updated) <= STALE_SECONDS
    return birth(state.pid) == state.born
