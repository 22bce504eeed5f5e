"""Which images belong together: a CSV with the columns ImageId, group and perhaps stain and kind."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from unet.datasets.samples import Sample, name_some
from unet.errors import DatasetError
from unet.settings import MB

# Far more than a row for each file that an archive may have; and of tables beside the images, only so many are read.
# Group, stain and kind of an image.
Row = tuple[str | None, str | None, str | None]
MAX_BYTES, MAX_ROWS, MAX_TABLES = 16 * MB, 200_000, 20


def read_groups(path: Path) -> dict[str, Row]:
    """Read a CSV of groups; upper and lower case of the column names are the same.

    Returns
    -------
    dict
        From ImageId to group, stain and kind; an empty cell is None.

    Raises
    ------
    DatasetError
        If the file cannot be read or lacks a column.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise DatasetError(
                f"The table of groups {path.name} is larger than {MAX_BYTES // MB} MB; "
                "keep only its columns ImageId, group, stain and kind."
            )
        with path.open(newline="", encoding="utf-8-sig") as file:
            return _read_rows(csv.reader(file), path.name)
    except OSError as error:
        raise DatasetError(f"The table of groups {path.name} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{path.name} is not a CSV table of groups; save it as comma-separated text.") from error


def _read_rows(table: Iterator[list[str]], name: str) -> dict[str, Row]:
    header = [column.strip().lower() for column in next(table, [])]
    if not {"imageid", "group"} <= set(header):
        raise DatasetError(f"The table of groups {name} needs the columns ImageId and group.")
    # Of two columns of one name the last one counts; one that is missing is empty in every row.
    places = {column: place for place, column in enumerate(header)}
    wanted = [places.get(column, len(header)) for column in ("imageid", "group", "stain", "kind")]
    rows: dict[str, Row] = {}
    for cells in table:
        image, group, stain, kind = (cells[place].strip() if place < len(cells) else "" for place in wanted)
        if image:
            rows[image] = (group or None, stain or None, kind or None)
        if len(rows) > MAX_ROWS:
            raise DatasetError(f"The table of groups {name} has more than {MAX_ROWS:,} images.")
    return rows


def add_groups(samples: Sequence[Sample], tables: Sequence[Path], *, strict: bool) -> tuple[list[Sample], list[str]]:
    """Add group, stain and kind to the samples that a table names, by their id or their image's name.

    Parameters
    ----------
    samples : sequence of Sample
    tables : sequence of Path
        The first goes before the others.
    strict : bool
        Whether a table that cannot be read is an error, or only noted.

    Returns
    -------
    samples : list of Sample
    notes : list of str

    Raises
    ------
    DatasetError
        If a table cannot be read, and ``strict``.
    """
    rows: dict[str, Row] = {}
    notes = []
    if len(tables) > MAX_TABLES:
        notes.append(f"Of {len(tables):,} tables of groups, the first {MAX_TABLES} are read.")
    for table in tables[:MAX_TABLES]:
        try:
            for image, group in read_groups(table).items():
                rows.setdefault(image, group)
        except DatasetError as error:
            if strict:
                raise
            notes.append(str(error))
    if not rows:
        return list(samples), notes
    known = [rows.get(sample.id) or rows.get(sample.image.stem) or (None, None, None) for sample in samples]
    missing = [sample.image for sample, (group, *_) in zip(samples, known, strict=True) if group is None]
    if missing:
        notes.append(f"{len(missing)} of {len(samples)} images have no group: {name_some(missing)}.")
    pairs = zip(samples, known, strict=True)
    return [replace(each, group=group, stain=stain, kind=kind) for each, (group, stain, kind) in pairs], notes
