"""The Run folder, as everyone but the trainer sees it: read only.

::

    runs/<name>/
      run.json        written once: configuration, dataset, the split's ids, versions
      state.json      replaced atomically: status, process, heartbeat, progress
      metrics.jsonl   appended: a line an epoch, and a light line every second or so within it
      previews/       the same few validation images after each epoch
      film/           what the layers made of one square after each epoch
      checkpoint/     weights and optimizer state after the last finished epoch
      model/          the best model so far: a Model folder
      tensorboard/    event files
      log.txt         what the process printed
      notes.json      what people call it and note about it
"""

from __future__ import annotations

import dataclasses
import re
import shutil
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path
from typing import Any

from unet.errors import RunError
from unet.files import is_name, read_json
from unet.runs.alive import is_alive
from unet.runs.state import Metrics, Phase, Preview, RunInfo, RunState, row_of_metrics
from unet.settings import Settings

# With less than that, no epoch can be kept.
FULL_BYTES = 1_000_000


# Informations and warnings of TensorFlow's C++, which no setting silences while it is loaded; its errors are kept.
NOISE = re.compile(
    r"WARNING: All log messages before absl|[IW]\d{4} \d\d:\d\d:[\d.:]+ +\d+ \S+\.cc:\d+\]"
    r"|\d{4}-\d\d-\d\d \S+: [IW] \S+\.cc:\d+\]"
)


@dataclass(frozen=True)
class Run:
    """One training, as its folder shows it."""

    folder: Path

    @property
    def name(self) -> str:
        return self.folder.name

    @property
    def checkpoint(self) -> Path:
        return self.folder / "checkpoint" / "last.npz"

    @property
    def film(self) -> Path:
        return self.folder / "film"

    @property
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def stop_request(self) -> Path:
        return self.folder / "stop"

    @property
    def reserve(self) -> Path:
        """A file that is given up on a full disk, to say so."""
        return self.folder / ".reserve"

    @property
    def model_folder(self) -> Path | None:
        """The best model so far, or None before the first epoch has ended."""
        folder = self.folder / "model"
        return folder if (folder / "model.json").is_file() else None

    def info(self) -> RunInfo:
        """Read ``run.json``.

        Raises
        ------
        RunError
            If it is missing or damaged.
        """
        try:
            return RunInfo.from_dict(read_json(self.folder / "run.json"))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise RunError(f"The run “{self.name}” is damaged: its run.json cannot be read. Delete the run.") from error

    def state(self) -> RunState:
        """Read ``state.json``; a trainer that is gone without a word is shown as ``died``."""
        try:
            state = RunState.from_dict(read_json(self.folder / "state.json"))
        except (OSError, ValueError, RecursionError):
            if not self.folder.is_dir():
                return RunState(
                    status="deleted", phase=Phase.NONE, reason="This run was deleted.", started=0.0, updated=0.0
                )
            return RunState(
                status="died", phase=Phase.NONE, reason="Its state cannot be read.", started=0.0, updated=0.0
            )
        if not state.active:
            return state
        if not is_alive(state):
            return dataclasses.replace(state, status="died", reason=self._reason_of_death(), seconds_left=None)
        if self.stop_request.exists():
            return dataclasses.replace(state, status="stopping")
        return state

    def _reason_of_death(self) -> str:
        with suppress(OSError):
            if shutil.disk_usage(self.folder).free < FULL_BYTES:
                return "The disk is full, and the training process is gone: free some space, then resume."
        return "The training process is gone: it was killed, ran out of memory, or the machine was restarted."

    def metrics(self) -> Metrics:
        """Read ``metrics.jsonl``; a last line that is still being written is left for the next time."""
        epochs: list[dict[str, Any]] = []
        steps: list[dict[str, Any]] = []
        try:
            text = (self.folder / "metrics.jsonl").read_text(encoding="utf-8", errors="replace")
        except OSError:
            text = ""
        for row in map(row_of_metrics, text.split("\n")[:-1]):
            if row:
                (steps if "batch" in row else epochs).append(row)
        return Metrics(epochs, steps)

    def previews(self) -> list[Preview]:
        """List the preview pictures that there are."""
        found = []
        folder = self.folder / "previews"
        for index, image in enumerate(sorted(folder.glob("*-image.png"))):
            stem = image.name.removesuffix("-image.png")
            paths = {path.stem.rpartition("-")[2]: path for path in sorted(folder.glob(f"{escape(stem)}-epoch-*.png"))}
            epochs = {int(number): path for number, path in paths.items() if number.isdecimal()}
            found.append(Preview(index, image, folder / f"{stem}-truth.png", epochs))
        return found

    def log_tail(self, lines: int = 200) -> str:
        """Return the last lines of the log, from its last 100 kB, without TensorFlow's remarks about itself."""
        try:
            with self.log.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - 100_000))
                text = file.read().decode("utf-8", errors="replace")
        except OSError:
            return ""
        return "\n".join([line for line in text.splitlines() if not NOISE.match(line)][-lines:])


def list_runs(settings: Settings) -> list[Run]:
    """Return all runs, the newest first."""
    folders = [path.parent for path in settings.runs.glob("*/run.json") if is_name(path.parent.name)]
    return [Run(folder) for folder in sorted(folders, key=_created, reverse=True)]


def _created(folder: Path) -> tuple[int, str]:
    try:
        return (folder / "run.json").stat().st_mtime_ns, folder.name
    except OSError:
        return 0, folder.name


def open_run(name: str, settings: Settings) -> Run:
    """Return the run of that name.

    Raises
    ------
    RunError
        If there is none.
    """
    run = Run(settings.runs / name)
    if not is_name(name) or not (run.folder / "run.json").is_file():
        raise RunError(f"There is no run “{name[:60]}{'…' if len(name) > 60 else ''}” here: perhaps it was deleted.")
    return run


def current_run(settings: Settings) -> Run | None:
    """Return the run that is training now, if there is one."""
    return next((run for run in list_runs(settings) if run.state().active), None)


def delete_run(run: Run) -> None:
    """Delete a run and all that is in its folder.

    Raises
    ------
    RunError
        If it is training.
    """
    if run.state().active:
        raise RunError(f"The run “{run.name}” is training; stop it before you delete it.")
    shutil.rmtree(run.folder)
