"""Regions that a person has drawn in an image: which objects lie in them, and what is found in each.

An object belongs to a region if its centroid lies in it; where regions overlap, to each of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.prediction.marker import positive_share

if TYPE_CHECKING:
    import pandas as pd

# Columns of the measurements: in how many regions an object lies, and what these are called.
COUNT, NAMES = "regions", "region"
BETWEEN = "; "


@dataclass(frozen=True)
class Region:
    """A closed line around a part of an image.

    Attributes
    ----------
    id : str
        Stays the same when it is renamed.
    name : str
    points : tuple of (x, y)
        Its corners, in pixels from the image's upper left corner; where the line crosses itself, by even-odd.
    """

    id: str
    name: str
    points: tuple[tuple[float, float], ...]

    @property
    def area(self) -> float:
        """In pixels."""
        x, y = np.array(self.points, float).T
        return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) / 2)

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON can hold."""
        return {"id": self.id, "name": self.name, "points": [list(point) for point in self.points]}


def inside(frame: pd.DataFrame, region: Region) -> np.ndarray:
    """Return which rows of the measurements lie in a region, (rows,) bool."""
    from skimage.measure import points_in_poly

    # Centroids are counted from the first pixel's middle.
    middles = frame[["centroid_x", "centroid_y"]].to_numpy(float) + 0.5
    return np.asarray(points_in_poly(middles, np.array(region.points, float)), bool).reshape(len(frame))


def with_regions(frame: pd.DataFrame, regions: Sequence[Region]) -> pd.DataFrame:
    """Return measurements with the regions that each object lies in; unchanged where there are no regions."""
    if not regions:
        return frame
    found = np.array([inside(frame, region) for region in regions])
    names = [BETWEEN.join(region.name for region, is_in in zip(regions, row, strict=True) if is_in) for row in found.T]
    return frame.assign(**{COUNT: found.sum(axis=0), NAMES: np.array(names, object)})


@dataclass(frozen=True)
class RegionFigures:
    """What is found in one region: areas in pixels, shares from 0 to 1; ``positive`` only where that is known."""

    region: str
    area: float
    nuclei: int
    covered: float
    mean_area: float
    positive: float | None


def region_figures(frame: pd.DataFrame, regions: Sequence[Region]) -> list[RegionFigures]:
    """Return what is found in each region, of the objects in the measurements."""
    found = []
    for region in regions:
        rows = frame[inside(frame, region)]
        area, mean = float(rows["area"].sum()), float(rows["area"].mean()) if len(rows) else 0.0
        covered = area / region.area if region.area else 0.0
        found.append(RegionFigures(region.name, region.area, len(rows), covered, mean, positive_share(rows)))
    return found
