"""One correction, as it is written down and read back. What comes from a browser or a file is not trusted."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from unet.errors import UnetError

MAX_POINTS = 20_000
MAX_RADIUS = 256.0
MAX_NUMBERS = 200_000
# Points are given to the eighth of a pixel, so that sums with them come out alike in Python and in a browser.
EIGHTHS = 8

# What each kind of correction needs: least and most points, least and most numbers of nuclei.
NEEDS = {
    "draw": (3, MAX_POINTS, 0, 0),
    "add": (1, 1, 0, 0),
    "delete": (0, 0, 1, MAX_NUMBERS),
    "brush": (1, MAX_POINTS, 1, 1),
    "erase": (1, MAX_POINTS, 0, MAX_NUMBERS),
    "split": (2, MAX_POINTS, 0, 0),
    "seeds": (2, 2, 1, 1),
    "merge": (0, 0, 2, MAX_NUMBERS),
    "fill": (0, 0, 1, 1),
    "smooth": (0, 0, 1, 1),
    "carry": (0, 0, 0, 0),
    "replace": (0, 0, 0, 0),
}
# What a sentence calls them, in its order; what is not here changes a nucleus' shape only.
WORDS = {"draw": "added", "add": "added", "delete": "deleted", "split": "split", "seeds": "split", "merge": "merged"}
RESHAPED, IMPORTED, CARRIED, CLEARED = "reshaped", "imported", "carried over", "started with no nuclei"


class CorrectionError(UnetError):
    """A correction that cannot be done."""


@dataclass(frozen=True)
class Operation:
    """A correction of a label map.

    Attributes
    ----------
    kind : str
        One of ``NEEDS``.
    points : tuple of (x, y)
        In pixels from the image's upper left corner; the first pixel's middle is (0.5, 0.5).
    numbers : tuple of int
        The nuclei it is about.
    radius : float
        Of a brush or eraser, in pixels.
    level : int
        Of "add": what has a higher level of the probability map (0 to 65535) belongs to the nucleus.
    take : bool
        Whether pixels of other nuclei are taken, too.
    pieces, cleared : tuple of runs
        Of "carry" and "replace": whole nuclei, and the pixels of those that were deleted, each as pairs of a first
        pixel and a length, row by row.
    """

    kind: str
    points: tuple[tuple[float, float], ...] = ()
    numbers: tuple[int, ...] = ()
    radius: float = 0.0
    level: int = 0
    take: bool = False
    pieces: tuple[tuple[int, ...], ...] = ()
    cleared: tuple[int, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold; what is as usual is left out."""
        found = {item.name: getattr(self, item.name) for item in fields(self)}
        return {name: value for name, value in found.items() if name == "kind" or value not in ((), 0, False)}

    @classmethod
    def from_dict(cls, data: Any) -> Operation:
        """Read an operation.

        Raises
        ------
        CorrectionError
            If it is none.
        """
        try:
            return cls._read(data)
        except (TypeError, ValueError, KeyError, OverflowError) as error:
            raise CorrectionError(f"This is not a correction: {str(data)[:80]}") from error

    @classmethod
    def _read(cls, data: Mapping[str, Any]) -> Operation:
        kind = data["kind"]
        least, most, fewest, many = NEEDS[kind]
        points = _points(data.get("points", ()))
        numbers = tuple(dict.fromkeys(_whole(number, 1, 2**32 - 1) for number in data.get("numbers", ())))
        if not (least <= len(points) <= most and fewest <= len(numbers) <= many):
            raise ValueError(kind)
        radius = _eighth(data.get("radius", 0))
        if kind in ("brush", "erase") and not 0 < radius <= MAX_RADIUS:
            raise ValueError(radius)
        pieces = tuple(_runs(runs) for runs in data.get("pieces", ())) if kind in ("carry", "replace") else ()
        cleared = _runs(data.get("cleared", ())) if kind == "carry" else ()
        level = _whole(data.get("level", 0), 0, 2**16 - 1)
        return cls(kind, points, numbers, radius, level, data.get("take", False) is True, pieces, cleared)


def points_of(data: Any) -> tuple[tuple[float, float], ...]:
    """Read points, x and y in pixels, to the eighth of a pixel.

    Raises
    ------
    CorrectionError
        If these are none.
    """
    try:
        return _points(data)
    except (TypeError, ValueError, OverflowError) as error:
        raise CorrectionError(f"These are no points: {str(data)[:80]}") from error


def _points(data: Any) -> tuple[tuple[float, float], ...]:
    return tuple((_eighth(x), _eighth(y)) for x, y in data)


def _eighth(value: Any) -> float:
    number = float(value)
    if not math.isfinite(number) or abs(number) > 1e6:
        raise ValueError(value)
    return math.floor(number * EIGHTHS + 0.5) / EIGHTHS


def _whole(value: Any, low: int, high: int) -> int:
    if isinstance(value, bool) or int(value) != value or not low <= value <= high:
        raise ValueError(value)
    return int(value)


def _runs(values: Any) -> tuple[int, ...]:
    runs = tuple(_whole(value, 0, 2**40) for value in values)
    if len(runs) % 2:
        raise ValueError(values)
    return runs
