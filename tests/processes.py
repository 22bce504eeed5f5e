"""Finding and ending the processes that work for a test's folder."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil


def processes_of(home: Path) -> list[psutil.Process]:
    """Return the processes that were started with ``home`` as their ``UNET_HOME``."""
    return [process for process in psutil.process_iter() if _works_for(process, home)]


def end_processes_of(home: Path) -> None:
    """Kill the processes that were started with ``home`` as their ``UNET_HOME``."""
    for process in processes_of(home):
        with suppress(psutil.Error):
            process.kill()
            process.wait(10)


def _works_for(process: psutil.Process, home: Path) -> bool:
    if process.pid == os.getpid():
        return False
    try:
        named = process.environ().get("UNET_HOME")
        return bool(named) and Path(named).resolve() == home.resolve() and process.status() != psutil.STATUS_ZOMBIE
    except (psutil.Error, OSError):
        return False
