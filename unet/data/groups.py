"""Which images belong together: a CSV with the columns ImageId, group and perhaps stain."""

from __future__ import annotations

import csv
from pathlib import Path

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
