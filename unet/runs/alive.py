"""Whether a trainer is still at work: told by its process, not by the clock, which may be set back or forward."""

from __future__ import annotations

import time
from pathlib import Path

import psutil

from unet.runs.state import RunState

# A trainer beats every second; this long without a beat, one whose process cannot be looked up counts as dead.
STALE_SECONDS = 60


def birth(pid: int) -> str:
    """Return a text that only this very process has, or an empty one if there is none, or only its zombie.

    It names the machine since its start, and the moment when the process began, counted from there: a number that
    is given to another process later, or a clock that is set, changes nothing about it.
    """
    try:
        if Path("/proc/self/stat").exists():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else f"{_machine()} {fields[19]}"
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{_machine()} {process.create_time():.0f}"
    except (OSError, psutil.Error, IndexError, OverflowError):
        return ""


def is_alive(state: RunState) -> bool:
    """Tell whether the process that a state names is still there.

    A process that stands still is alive, whatever the clock says. Only one of another machine (or before a restart of
    this one), and one that was just started and has no number yet, is known by its beat alone.
    """
    if state.pid is None or state.born.rpartition(" ")[0] != _machine():
        return abs(time.time() - state.updated) <= STALE_SECONDS
    return birth(state.pid) == state.born


def _machine() -> str:
    """Name the machine since its last start, and the space of process numbers, of which containers have their own."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return "here"
