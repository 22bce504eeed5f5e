"""The Run folder, as everyone but the trainer sees it: read only.

::

    runs/<name>/
      run.json        written once: configuration, dataset, the split's ids, versions
      state.json      replaced atomically: status, process, heartbeat, progress
      metrics.jsonl   appended: a line an epoch, and a light line every second or so within it
      previews/       the same few validation images after each epoch
      checkpoint/     weights and optimizer state after the last finished epoch
      model/          the best model so far: a Model folder
      tensorboard/    event files
      log.txt         what the process printed
"""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import psutil

from unet.errors import RunError
from unet.files import read_json
from unet.runs.state import Metrics, Preview, RunInfo, RunState
from unet.settings import Settings

# A trainer beats every second; this long without a beat, on another machine or frozen, it counts as dead.
STALE_SECONDS = 60


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
    def tensorboard(self) -> Path:
        return self.folder / "tensorboard"

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    @property
    def stop_request(self) -> Path:
        return self.folder / "stop"

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
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"The run “{self.name}” has no readable run.json ({error}); delete the run.") from error

    def state(self) -> RunState:
        """Read ``state.json``; a trainer that is gone without a word is shown as ``died``."""
        try:
            data = read_json(self.folder / "state.json")
            known = {item.name for item in dataclasses.fields(RunState)}
            state = RunState(**{key: value for key, value in data.items() if key in known})
        except (OSError, ValueError, TypeError, AttributeError):
            return RunState(status="died", phase="", reason="Its state cannot be read.", started=0.0, updated=0.0)
        if not state.active:
            return state
        if not _is_alive(state):
            reason = "The training process is gone: it was killed, ran out of memory, or the machine was restarted."
            return dataclasses.replace(state, status="died", reason=reason, seconds_left=None)
        if self.stop_request.exists():
            return dataclasses.replace(state, status="stopping")
        return state

    def metrics(self) -> Metrics:
        """Read ``metrics.jsonl``; a last line that is still being written is left for the next time."""
        epochs, steps = [], []
        try:
            text = (self.folder / "metrics.jsonl").read_text(encoding="utf-8")
        except FileNotFoundError:
            text = ""
        for line in text.split("\n")[:-1]:
            try:
                row = json.loads(line)
            except ValueError:
                continue
            (steps if "batch" in row else epochs).append(row)
        return Metrics(epochs, steps)

    def previews(self) -> list[Preview]:
        """List the preview pictures that there are."""
        found = []
        folder = self.folder / "previews"
        for index, image in enumerate(sorted(folder.glob("*-image.png"))):
            stem = image.name.removesuffix("-image.png")
            epochs = {int(path.stem.rpartition("-")[2]): path for path in sorted(folder.glob(f"{stem}-epoch-*.png"))}
            found.append(Preview(index, image, folder / f"{stem}-truth.png", epochs))
        return found

    def log_tail(self, lines: int = 200) -> str:
        """Return the last lines of the log, reading no more than its last 100 kB."""
        try:
            with self.log.open("rb") as file:
                file.seek(0, 2)
                file.seek(max(0, file.tell() - 100_000))
                text = file.read().decode("utf-8", errors="replace")
        except FileNotFoundError:
            return ""
        return "\n".join(text.splitlines()[-lines:])


def _is_alive(state: RunState) -> bool:
    if time.time() - state.updated > STALE_SECONDS:
        return False
    if state.pid is None:
        return True
    try:
        process = psutil.Process(state.pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - state.process_started) < 2
    except (psutil.Error, TypeError):
        return False


def list_runs(settings: Settings) -> list[Run]:
    """Return all runs, the newest first."""
    folders = [path.parent for path in settings.runs.glob("[!.]*/run.json")]
    return [Run(folder) for folder in sorted(folders, key=_created, reverse=True)]


def _created(folder: Path) -> tuple[int, str]:
    try:
        return (folder / "run.json").stat().st_mtime_ns, folder.name
    except FileNotFoundError:
        return 0, folder.name


def open_run(name: str, settings: Settings) -> Run:
    """Return the run of that name.

    Raises
    ------
    RunError
        If there is none; the message lists the newest ones.
    """
    run = Run(settings.runs / name)
    # The name may come from an address: it must not lead out of the folder.
    if not re.fullmatch(r"[\w-][\w.-]*", name) or not (run.folder / "run.json").is_file():
        known = ", ".join(run.name for run in list_runs(settings)[:5]) or "none yet"
        raise RunError(f"There is no run “{name}”. The newest runs: {known}.")
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
