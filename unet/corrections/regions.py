"""The regions of an image, kept beside its corrections: a list of what was drawn, renamed and removed.

They belong to a page of an image file and to nothing else: another model or threshold finds other nuclei in the same
regions. Steps name the region that they are about, so two tabs at once cannot overwrite each other.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unet.corrections import journal
from unet.corrections.journal import Entry
from unet.corrections.operation import CorrectionError, points_of
from unet.prediction.regions import Region

MOST_REGIONS = 200
MOST_POINTS = 5000
LONGEST_NAME = 60
Regions = tuple[Region, ...]


def read_regions(image: str, page: int, home: Path) -> Regions:
    """Return the regions of a page of an image, by the digest of its content, in the order they were drawn.

    Raises
    ------
    CorrectionError
        If the list is damaged.
    """
    found: Regions = journal.read(_path(image, page, home), (), _after)
    return found


def add_region(image: str, page: int, home: Path, points: Any, name: str = "") -> Regions:
    """Keep one more region, and return all.

    Parameters
    ----------
    image, page, home
    points : sequence of (x, y)
        Its corners, in pixels from the image's upper left corner; not trusted.
    name : str
        By default “Region” and a number.

    Raises
    ------
    CorrectionError
        If it is none, or cannot be kept.
    """
    corners = points_of(points)
    if not 3 <= len(corners) <= MOST_POINTS or not Region("", "", corners).area:
        raise CorrectionError("A region needs three corners that are not in one line.")
    known = [region.name for region in read_regions(image, page, home)]
    number = next(number for number in range(1, len(known) + 2) if f"Region {number}" not in known)
    new = Region(uuid.uuid4().hex[:12], _named(name) or f"Region {number}", corners)
    return _append(image, page, home, {"do": "add", **new.to_dict()})


def rename_region(image: str, page: int, home: Path, id: str, name: str) -> Regions:
    """Give a region another name; see ``add_region``. An empty name changes nothing."""
    if not _named(name):
        return read_regions(image, page, home)
    return _append(image, page, home, {"do": "rename", "id": id, "name": _named(name)})


def remove_region(image: str, page: int, home: Path, id: str) -> Regions:
    """Remove a region; see ``add_region``."""
    return _append(image, page, home, {"do": "remove", "id": id})


def regions_from(data: Sequence[dict[str, Any]]) -> Regions:
    """Read regions as ``Region.to_dict`` writes them."""
    return tuple(Region(str(each["id"]), str(each["name"]), points_of(each["points"])) for each in data)


def _named(name: str) -> str:
    return " ".join(name.split())[:LONGEST_NAME]


def _path(image: str, page: int, home: Path) -> Path:
    return home / "corrections" / "regions" / f"{image[:64]}-{page}.jsonl"


def _append(image: str, page: int, home: Path, entry: Entry) -> Regions:
    path, head = _path(image, page, home), {"regions_of": image, "page": page}
    found: Regions = journal.append(path, head, entry, (), _after, lambda _: None)
    return found


def _after(regions: Regions, entry: Entry) -> Regions:
    if entry["do"] == "add":
        if len(regions) >= MOST_REGIONS:
            raise CorrectionError(f"An image has at most {MOST_REGIONS} regions; remove one before you draw another.")
        return (*regions, *regions_from([entry]))
    if entry["id"] not in {region.id for region in regions}:
        raise CorrectionError("This region was removed in another tab meanwhile.")
    if entry["do"] == "remove":
        return tuple(region for region in regions if region.id != entry["id"])
    if entry["do"] == "rename":
        name = str(entry["name"])
        return tuple(Region(each.id, name, each.points) if each.id == entry["id"] else each for each in regions)
    raise CorrectionError(f"“{entry['do']}” is not a step in a list of regions.")
