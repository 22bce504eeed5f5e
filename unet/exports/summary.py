"""``summary.csv``: one row an image."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class ImageSummary:
    """One row of ``summary.csv``: areas in pixels, ``covered`` as a share of the image, 0 to 1.

    ``channels`` are those that the model was given, ``channels_because`` says why,
    ``scale`` is that of the image as it saw it.
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
    scale: float = 1.0
    seconds: float = 0.0
    error: str = ""
