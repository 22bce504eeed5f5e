"""Which parts of an image are labelled in full: rectangles, in a table ``finished.csv`` beside the images.

An image that the table does not name is labelled everywhere. Of the others nothing is known outside the rectangles.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from unet.datasets.samples import Box, Sample
from unet.errors import DatasetError
from unet.settings import MB
from unet.spreadsheets import csv_of_rows, original_text

TABLE = "finished.csv"
COLUMNS = ("ImageId", "left", "top", "right", "bottom")
MAX_BYTES, MAX_ROWS, LARGEST = MB, 20_000, 1_000_000


def read_finished(path: Path) -> dict[str, tuple[Box, ...]]:
    """Read a table of finished rectangles.

    Returns
    -------
    dict
        From ImageId to its rectangles: left, top, right and bottom in pixels, the last two excluded.

    Raises
    ------
    DatasetError
        If it cannot be read; the message names the line.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(f"{path.name} is larger than {MAX_BYTES // MB} MB.")
        text = path.read_text(encoding="utf-8-sig")
        return _rows(csv.DictReader(io.StringIO(text)), path.name)
    except OSError as error:
        raise DatasetError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path.name} is not a CSV table; save it as comma-separated text.") from error


def _rows(table: csv.DictReader, name: str) -> dict[str, tuple[Box, ...]]:
    if not set(COLUMNS) <= set(table.fieldnames or ()):
        raise DatasetError(f"{name} needs the columns {', '.join(COLUMNS)}.")
    found: dict[str, tuple[Box, ...]] = {}
    for line, row in enumerate(table, start=2):
        if line > MAX_ROWS:
            raise DatasetError(f"{name} has more than {MAX_ROWS:,} rows.")
        try:
            left, top, right, bottom = (int(row[column]) for column in COLUMNS[1:])
        except (TypeError, ValueError):
            raise DatasetError(
                f"Line {line} of {name} is not a rectangle: its corners must be whole numbers."
            ) from None
        if not (0 <= left < right <= LARGEST and 0 <= top < bottom <= LARGEST):
            raise DatasetError(
                f"Line {line} of {name} is not a rectangle: 0 ≤ left < right and 0 ≤ top < bottom must hold."
            )
        image = original_text(row["ImageId"])
        found[image] = (*found.get(image, ()), (left, top, right, bottom))
    return found


def write_finished(path: Path, finished: Mapping[str, Sequence[Box]]) -> None:
    """Write a table of finished rectangles."""
    rows = ((image, *box) for image, boxes in sorted(finished.items()) for box in boxes)
    path.write_text(csv_of_rows(COLUMNS, rows), encoding="utf-8", newline="")


def add_finished(samples: Sequence[Sample], tables: Sequence[Path]) -> Iterator[Sample]:
    """Yield the samples with the rectangles that tables name for them, by their id or their image's name.

    Raises
    ------
    DatasetError
        If a table cannot be read: without it, what is not labelled would be learned as background.
    """
    rows: dict[str, tuple[Box, ...]] = {}
    for table in tables:
        rows |= read_finished(table)
    for sample in samples:
        yield replace(sample, finished=rows.get(sample.id) or rows.get(sample.image.stem) or ())


def known(finished: Sequence[Box], size: tuple[int, int]) -> np.ndarray | None:
    """Return which pixels (height, width) bool are labelled; None if all are."""
    if not finished:
        return None
    inside = np.zeros(size, bool)
    for left, top, right, bottom in finished:
        inside[top:bottom, left:right] = True
    return inside


def only_finished(labels: np.ndarray, finished: Sequence[Box]) -> np.ndarray:
    """Return a label map without what lies outside the finished rectangles: there, nothing is right or wrong."""
    inside = known(finished, labels.shape[:2])
    return labels if inside is None else np.where(inside, labels, 0).astype(labels.dtype)
