"""Images that are kept at several sizes: what each level is, and which one to read."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from unet.io.pixel_size import PixelSize

# Nuclei may be seen so much smaller than asked for before the next larger level is taken.
SLACK = 1.15
# What is looked at to choose a level: as high and wide as the coarse look of unet.prediction.fitting.
LOOKED_AT = 1536


@dataclass(frozen=True)
class Level:
    """One size of an image.

    Attributes
    ----------
    path : str
        Under which it lies in its file.
    height, width : int
        Pixels.
    factor : float
        How many pixels of the largest level a pixel is high and wide.
    pixel_size : PixelSize, optional
    """

    path: str
    height: int
    width: int
    factor: float = 1.0
    pixel_size: PixelSize | None = None


class Pyramid(Protocol):
    """A plane of an image, at several sizes; the first level is the largest."""

    levels: tuple[Level, ...]

    def look(self, level: int) -> np.ndarray:
        """Return the middle of a level, at most ``LOOKED_AT`` pixels high and wide."""

    def read(self, level: int, folder: Path) -> np.ndarray:
        """Return a level whole: (height, width) or (height, width, channels); mapped from ``folder`` where it is large.

        Raises
        ------
        ImageError
            If it cannot be read.
        """


def level_for(scale: float, levels: tuple[Level, ...]) -> int:
    """Return the smallest level that is still as large as the image at a scale, 0 to 1, of its largest level."""
    fitting = [place for place, level in enumerate(levels) if level.factor * scale <= SLACK]
    return fitting[-1] if fitting else 0


def middle_of(height: int, width: int) -> tuple[slice, slice]:
    """Return the rows and columns that ``look`` shows."""
    top, left = max(0, (height - LOOKED_AT) // 2), max(0, (width - LOOKED_AT) // 2)
    return slice(top, min(top + LOOKED_AT, height)), slice(left, min(left + LOOKED_AT, width))
