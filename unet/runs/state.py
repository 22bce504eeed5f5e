"""What a Run folder says, as plain data."""

from __future__ import annotations

import dataclasses
import json
import time
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from unet.config import Config


class Phase(StrEnum):
    """What a trainer is doing, in the order in which it comes to it; the values are on disk."""

    NONE = ""
    CREATED = "not started"
    STARTING = "starting"
    PREPARING = "preparing the data"
    LOADING = "loading TensorFlow"
    TRAINING = "training"
    VALIDATING = "validating"
    TUNING = "tuning the threshold"


ACTIVE = ("starting", "running", "stopping")
STATUSES = (*ACTIVE, "finished", "stopped", "failed")
TEXT = 100_000  # characters: nothing that is written here is longer
NUMBER = 1e12  # nor larger: what is would break a clock or a chart


@dataclass(frozen=True)
class RunInfo:
    """What was decided before the training began."""

    name: str
    created: str
    config: Config
    dataset: dict[str, str]
    train_ids: tuple[str, ...]
    validation_ids: tuple[str, ...]
    versions: dict[str, str]
    command: str

    def to_dict(self) -> dict[str, Any]:
        """Return the information as JSON types."""
        return {**dataclasses.asdict(self), "config": self.config.to_dict(), "seed": self.config.training.seed}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunInfo:
        """Make the information from what ``to_dict`` gave; the file may be damaged since.

        Raises
        ------
        ValueError
            If a value is none that was written.
        """
        data = {**_table(data), "config": Config.from_dict(_table(_table(data).get("config")))}
        info = cls(**_known(cls, data))
        if not {"id", "name", "fingerprint"} <= set(info.dataset):
            raise ValueError("dataset lacks its id, name or fingerprint")
        return info


@dataclass
class RunState:
    """Where a training stands. Times are seconds since the epoch (UTC), durations seconds."""

    status: str = "starting"
    phase: str = Phase.STARTING  # or one that another version knows
    epoch: int = 0
    epochs: int = 0
    batch: int = 0
    batches: int = 0
    images_per_second: float | None = None
    seconds_left: float | None = None
    seconds: float = 0.0
    best_epoch: int | None = None
    best: dict[str, float] | None = None
    reason: str | None = None
    started: float = field(default_factory=time.time)
    updated: float = field(default_factory=time.time)
    pid: int | None = None
    born: str = ""  # see unet.runs.alive

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> RunState:
        """Make the state from the JSON of a file that may be damaged.

        Raises
        ------
        ValueError
            If a value is none that a trainer writes.
        """
        state = cls(**_known(cls, data))
        if state.status not in STATUSES:
            raise ValueError(f"{state.status!r} is no status")
        return state

    def started_anew(self, **changes: Any) -> RunState:
        """Return the state of a trainer that goes on from here: what was reached stays."""
        reached = {name: getattr(self, name) for name in ("epoch", "epochs", "seconds", "best_epoch", "best")}
        return RunState(**{**reached, **changes})

    @property
    def active(self) -> bool:
        """Whether a trainer is at work."""
        return self.status in ACTIVE

    @property
    def resumable(self) -> bool:
        """Whether there is training left to do and no trainer doing it."""
        return self.status in ("stopped", "failed", "died")

    @property
    def progress(self) -> float:
        """Share of all batches that are done, 0 to 1."""
        if not self.epochs or not self.epoch:
            return 0.0
        within = self.batch / self.batches if self.batches else 0.0
        return min(1.0, (self.epoch - 1 + within) / self.epochs)


@dataclass(frozen=True)
class Metrics:
    """The lines of ``metrics.jsonl``: one per epoch, and the running means within the epochs."""

    epochs: list[dict[str, Any]]
    steps: list[dict[str, Any]]


def row_of_metrics(line: str) -> dict[str, Any] | None:
    """Return a line of ``metrics.jsonl``, or None if it is damaged or still being written."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not all(_fits(value, "float | bool") for value in row.values()):
        return None
    counts = [row.get("epoch"), *(row[name] for name in ("batch", "batches") if name in row)]
    return row if all(_is(count, "int") and count > 0 for count in counts) else None


@dataclass(frozen=True)
class Preview:
    """One validation image and its probability map (8-bit grey PNG, 255 = 1) after each epoch."""

    index: int
    image: Path
    truth: Path
    epochs: dict[int, Path]


# ---- checking what is read -------------------------------------------------------------------------------------


def _table(data: Any) -> dict[str, Any]:
    if not isinstance(data, dict):
        raise ValueError("it is no table")
    return data


def _known(kind: type, data: Any) -> dict[str, Any]:
    """Return the values of a dataclass' fields, lists as tuples, once each is of its field's type."""
    values = {}
    for item in dataclasses.fields(kind):
        if item.name not in _table(data):
            continue
        value = data[item.name]
        value = tuple(value) if isinstance(value, list) else value
        if not _fits(value, str(item.type)):
            raise ValueError(f"{item.name} cannot be {str(value)[:40]!r}")
        values[item.name] = value
    return values


def _fits(value: Any, kind: str) -> bool:
    return any(_is(value, each) for each in kind.split(" | "))


def _is(value: Any, kind: str) -> bool:
    """Tell whether a value is of a type that is written as in an annotation."""
    if kind == "str":
        # A lone surrogate, which JSON can hold, can neither be stored nor be sent to a browser.
        return isinstance(value, str) and len(value) <= TEXT and value.encode("utf-8", "replace").decode() == value
    if kind in ("int", "float"):
        whole = isinstance(value, int) and not isinstance(value, bool)
        return (whole or (kind == "float" and isinstance(value, float))) and abs(value) < NUMBER
    if kind.startswith("dict["):
        held = kind.removeprefix("dict[str, ").removesuffix("]")
        return isinstance(value, dict) and all(_is(key, "str") and _is(each, held) for key, each in value.items())
    if kind.startswith("tuple["):
        return isinstance(value, tuple) and all(_is(each, "str") for each in value)
    plain: dict[str, type] = {"bool": bool, "None": type(None), "Config": Config}
    return isinstance(value, plain[kind])
