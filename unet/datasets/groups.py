"""Which images belong together: a CSV with the columns ImageId, group and perhaps stain."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from unet.datasets.samples import Sample, name_some
from unet.errors import DatasetError


def read_groups(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """Read a CSV of groups; upper and lower case of the column names are the same.

    Returns
    -------
    dict
        From ImageId to group and stain; an empty cell is None.

    Raises
    ------
    DatasetError
        If the file cannot be read or lacks a column.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as file:
            table = csv.reader(file)
            header = [name.strip().lower() for name in next(table, [])]
            rows = [dict(zip(header, (cell.strip() for cell in row), strict=False)) for row in table]
    except OSError as error:
        raise DatasetError(f"The table of groups {path} cannot be read: {error.strerror}.") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise DatasetError(f"{Path(path).name} is no CSV table of groups; save it as comma-separated text.") from error
    if not {"imageid", "group"} <= set(header):
        raise DatasetError(f"The table of groups {Path(path).name} needs the columns ImageId and group.")
    return {row["imageid"]: (row.get("group") or None, row.get("stain") or None) for row in rows if row.get("imageid")}


def add_groups(samples: Sequence[Sample], tables: Sequence[Path], *, strict: bool) -> tuple[list[Sample], list[str]]:
    """Add group and stain to the samples that a table names, by their id or their image's name.

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
    rows: dict[str, tuple[str | None, str | None]] = {}
    notes = []
    for table in tables:
        try:
            rows = read_groups(table) | rows
        except DatasetError as error:
            if strict:
                raise
            notes.append(str(error))
    if not rows:
        return list(samples), notes
    known = [rows.get(sample.id) or rows.get(sample.image.stem) or (None, None) for sample in samples]
    missing = [sample.image for sample, (group, _) in zip(samples, known, strict=True) if group is None]
    if missing:
        notes.append(f"{len(missing)} of {len(samples)} images have no group: {name_some(missing)}.")
    return [replace(s, group=group, stain=stain) for s, (group, stain) in zip(samples, known, strict=True)], notes
