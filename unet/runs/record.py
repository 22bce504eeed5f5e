"""The Run folder, as the trainer writes it."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import threading
import time
from typing import Any

from unet.files import atomic_path, write_json
from unet.processes import birth
from unet.runs.run import Run
from unet.runs.state import Phase, RunState

STEP_SECONDS = 1.0
# Enough for a state and what a file system needs for it.
RESERVE_BYTES = 64 * 1024


def write_state(run: Run, state: RunState) -> None:
    """Replace ``state.json``."""
    write_json(run.folder / "state.json", dataclasses.asdict(state))


class Recorder:
    """Writes ``state.json`` (with a beat a second, from a thread) and ``metrics.jsonl``.

    Use it as a context: the beat goes on from entry to exit, so that a reader can tell a long step from a dead
    process. What the training changes in ``state`` reaches the disk with the next beat, or at once with ``write``.
    """

    def __init__(self, run: Run, epochs: int):
        self.run = run
        self.state = run.state().started_anew(epochs=epochs, pid=os.getpid(), born=birth(os.getpid()))
        self._lock = threading.Lock()
        self._done = threading.Event()
        self._beat = threading.Thread(target=self._beat_on, daemon=True, name="heartbeat")
        self._last_step = 0.0

    def __enter__(self) -> Recorder:
        self.write()
        with contextlib.suppress(OSError):
            self.run.reserve.write_bytes(bytes(RESERVE_BYTES))
        self._beat.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._done.set()
        self._beat.join()
        self.run.reserve.unlink(missing_ok=True)

    def _beat_on(self) -> None:
        while not self._done.wait(STEP_SECONDS):
            # A full disk is the training's to report: it cannot keep its checkpoint either.
            with contextlib.suppress(OSError):
                self.write()

    def write(self, **changes: Any) -> None:
        """Change the named fields of the state and replace ``state.json``."""
        with self._lock:
            self.state = dataclasses.replace(self.state, **changes, updated=time.time())
            write_state(self.run, self.state)

    def end(self, **changes: Any) -> None:
        """Write how the training ended, on a full disk as well: room was kept for it."""
        self._done.set()  # a beat must not take that room
        changes = {"phase": Phase.NONE, "seconds_left": None, **changes}
        try:
            self.write(**changes)
        except OSError:
            self.run.reserve.unlink(missing_ok=True)
            self.write(**changes)

    def step(self, **changes: Any) -> None:
        """Change the named fields of the state; the next beat writes them."""
        with self._lock:
            self.state = dataclasses.replace(self.state, **changes)

    def log_step(self, row: dict[str, Any]) -> None:
        """Append a line within the epoch, at most one a second."""
        if time.monotonic() - self._last_step >= STEP_SECONDS:
            self._last_step = time.monotonic()
            self.log(row)

    def log(self, row: dict[str, Any]) -> None:
        """Append a line to ``metrics.jsonl``."""
        with (self.run.folder / "metrics.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")

    def rewind(self, epoch: int) -> None:
        """Drop what was written after that epoch: it will be trained again."""
        metrics = self.run.metrics()
        rows = [row for row in metrics.steps + metrics.epochs if row["epoch"] <= epoch]
        rows.sort(key=lambda row: (row["epoch"], row.get("batch", float("inf"))))
        with atomic_path(self.run.folder / "metrics.jsonl") as temporary:
            temporary.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
