"""Regions out of GeoJSON files, as this package's exports and QuPath write them."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unet.corrections.load import REGION_CLASS
from unet.corrections.operation import CorrectionError, points_of
from unet.corrections.regions import MOST_POINTS, MOST_REGIONS, Regions
from unet.errors import ImageError
from unet.prediction.regions import Region

ENDINGS = ("", "_regions")
MAX_BYTES = 100_000_000
# What QuPath calls objects that it has found, and not drawn: no regions.
FOUND = ("detection", "cell", "tile")


def regions_by_stem(place: Path, images: Sequence[str]) -> dict[str, Regions]:
    """Return the regions of images, by the stem of the image's name.

    Parameters
    ----------
    place : Path
        A GeoJSON file, whose regions all images have, or a folder with one file per image, named like it.
    images : sequence of str
        File names, or addresses.

    Raises
    ------
    ImageError
        If a file cannot be read, or there is none.
    """
    stems = sorted({Path(image).stem for image in images})
    if place.is_file():
        everywhere = read_region_file(place)
        return dict.fromkeys(stems, everywhere)
    files = {stem: place / f"{stem}{ending}.geojson" for ending in ENDINGS for stem in stems}
    found = {stem: read_region_file(file) for stem, file in files.items() if file.is_file()}
    if not found:
        raise ImageError(f"{place} is neither a GeoJSON file with regions nor a folder with one named like an image.")
    return found


def read_region_file(path: Path) -> Regions:
    """Read the regions of a GeoJSON file: its polygons, without objects that were found.

    Raises
    ------
    ImageError
        If it cannot be read, holds no region, or one with a hole.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(f"{path.name} is larger than {MAX_BYTES // 10**6} MB.")
        data = json.loads(path.read_bytes())
        features = data.get("features", [data]) if isinstance(data, dict) else data
        drawn = [each for each in features if (each.get("properties") or {}).get("objectType") not in FOUND]
        # A file of this package's own says which annotations are regions; one of QuPath's has any class.
        named = [each for each in drawn if _class_of(each) == REGION_CLASS] or drawn
        regions = tuple(region for number, each in enumerate(named, start=1) for region in _regions(each, number))
    except OSError as error:
        raise ImageError(f"{path.name} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, RecursionError, CorrectionError) as error:
        raise ImageError(f"{path.name} cannot be read as GeoJSON with polygons: {error}") from error
    if not 1 <= len(regions) <= MOST_REGIONS:
        raise ImageError(f"{path.name} holds {len(regions)} regions; 1 to {MOST_REGIONS} are taken.")
    return regions


def _class_of(feature: dict[str, Any]) -> str:
    kind = (feature.get("properties") or {}).get("classification") or {}
    return str(kind.get("name", "")) if isinstance(kind, dict) else str(kind)


def _regions(feature: dict[str, Any], number: int) -> list[Region]:
    geometry = feature.get("geometry", feature)
    if geometry["type"] not in ("Polygon", "MultiPolygon"):
        return []  # points and lines
    parts = [geometry["coordinates"]] if geometry["type"] == "Polygon" else geometry["coordinates"]
    kind = _class_of(feature)
    own = " ".join(str((feature.get("properties") or {}).get("name") or "").split())
    name = own or (kind if kind != REGION_CLASS else "") or f"Region {number}"
    found: list[Region] = []
    for rings in parts:
        if len(rings) != 1:
            raise ValueError(f"“{name}” has a hole, which regions cannot have.")
        points = points_of([point[:2] for point in rings[0]])
        points = points[:-1] if points[0] == points[-1] else points
        region = Region(uuid.uuid5(uuid.NAMESPACE_OID, f"{number}/{len(found)}").hex[:12], name[:60], points)
        if not 3 <= len(points) <= MOST_POINTS or not region.area:
            raise ValueError(f"“{name}” needs three corners that are not in one line, and at most {MOST_POINTS:,}.")
        found.append(region)
    return found
