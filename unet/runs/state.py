"""What a Run folder says, as plain data."""

from __future__ import annotations

import dataclasses
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unet.config import Config

ACTIVE = ("starting", "running", "stopping")


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
        """Make the information from what ``to_dict`` gave."""
        names = {item.name for item in dataclasses.fields(cls)}
        values = {key: value for key, value in data.items() if key in names}
        for key in ("train_ids", "validation_ids"):
            values[key] = tuple(values[key])
        return cls(**{**values, "config": Config.from_dict(data["config"])})


@dataclass
class RunState:
    """Where a training stands. Times are seconds since the epoch (UTC), durations seconds."""

    status: str = "starting"
    phase: str = "starting"
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
    process_started: float | None = None

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
    """The lines of ``metrics.jsonl``: one an epoch, and the running means within the epochs."""

    epochs: list[dict[str, Any]]
    steps: list[dict[str, Any]]


@dataclass(frozen=True)
class Preview:
    """One validation image and its probability map (8-bit grey PNG, 255 = 1) after each epoch."""

    index: int
    image: Path
    truth: Path
    epochs: dict[int, Path]
