"""Which process is which: a number alone is given to another one later."""

from __future__ import annotations

from pathlib import Path

import psutil


def birth(pid: int) -> str:
    """Return a text that only this very process has, or an empty one if there is none, or only its zombie.

    It names the machine since its start, and the moment when the process began, counted from there: a number that
    is given to another process later, or a clock that is set, changes nothing about it.
    """
    try:
        if Path("/proc/self/stat").exists():
            fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace").rpartition(")")[2].split()
            return "" if fields[0] in "ZX" else f"{machine()} {fields[19]}"
        process = psutil.Process(pid)
        return "" if process.status() == psutil.STATUS_ZOMBIE else f"{machine()} {process.create_time():.0f}"
    except (OSError, psutil.Error, IndexError, OverflowError):
        return ""


def machine() -> str:
    """Name the machine since its last start, and the process namespace, since containers have their own."""
    try:
        return f"{Path('/proc/sys/kernel/random/boot_id').read_text().strip()}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return "here"
