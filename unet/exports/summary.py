"""``summary.csv``: one row an image."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TextIO


@dataclass
class ImageSummary:
    """One row of ``summary.csv``: areas in pixels, ``covered`` as a share of the image, 0 to 1.

    ``channels`` are those that the model was given, ``channels_because`` says why.
    """

    file: str
    stem: str
    height: int = 0
    width: int = 0
    threshold: float = 0.5
    count: int = 0
    covered: float = 0.0
    mean_area: float = 0.0
    channels: str = ""
    channels_because: str = ""
    seconds: float = 0.0
    error: str = ""


def write_summary(file: TextIO, rows: Iterable[ImageSummary]) -> None:
    """Write rows as CSV to a text file that was opened with ``newline=""``."""
    writer = csv.DictWriter(file, [item.name for item in dataclasses.fields(ImageSummary)])
    writer.writeheader()
    writer.writerows(dataclasses.asdict(row) for row in rows)
