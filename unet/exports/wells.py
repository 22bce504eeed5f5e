"""A plate by its wells: where each lies, and what was counted in all of its fields."""

from __future__ import annotations

import dataclasses
import re
from collections import defaultdict
from collections.abc import Sequence

from unet.exports.tables import ImageSummary
from unet.spreadsheets import csv_of_rows

# Rows go from A to Z and on with AA; plates have up to 32 x 48 wells.
PLACE = re.compile(r"([A-Za-z]{1,2})0*([0-9]{1,3})")


@dataclasses.dataclass(frozen=True)
class Well:
    """One well: counts of all its fields together, areas in pixels, ``covered`` as a share of the pixels."""

    well: str
    fields: int
    nuclei: int
    per_field: float
    mean_area: float
    covered: float
    broken: int


def wells_of(rows: Sequence[ImageSummary]) -> list[Well]:
    """Return the wells of which rows of a summary are fields, as they lie on the plate, row by row.

    Fields that could not be read count as ``broken`` and nowhere else.
    """
    fields: dict[str, list[ImageSummary]] = defaultdict(list)
    for row in rows:
        if row.well:
            fields[row.well].append(row)
    return sorted((_well(name, each) for name, each in fields.items()), key=lambda well: _order(well.well))


def _well(name: str, rows: Sequence[ImageSummary]) -> Well:
    good = [row for row in rows if not row.error]
    nuclei = sum(row.count for row in good)
    covered = sum(row.mean_area * row.count for row in good)
    pixels = sum(row.height * row.width for row in good)
    return Well(
        name,
        len(good),
        nuclei,
        nuclei / len(good) if good else 0.0,
        covered / nuclei if nuclei else 0.0,
        covered / pixels if pixels else 0.0,
        len(rows) - len(good),
    )


def place_of(well: str) -> tuple[str, int] | None:
    """Return the row's letters and the column's number of a well such as B03; None for any other name."""
    found = PLACE.fullmatch(well)
    return (found[1].upper(), int(found[2])) if found else None


def _order(well: str) -> tuple:
    place = place_of(well)
    return (0, len(place[0]), *place) if place else (1, 0, well, 0)


def wells_file(wells: Sequence[Well]) -> bytes:
    """Return ``wells.csv``: one row per well."""
    header = [item.name for item in dataclasses.fields(Well)]
    return csv_of_rows(header, map(dataclasses.astuple, wells)).encode()
