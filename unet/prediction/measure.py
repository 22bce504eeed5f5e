"""Measuring objects: one row each, in pixels and, where the pixel size is known, in micrometres.

The definitions are those of ``skimage.measure.regionprops``, computed for all objects at once, which takes a tenth of
the time. Two differ: solidity is by the hull of the pixels' squares, whose area is exact, and second moments take a
pixel for a square as well.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from unet.io.pixel_size import PixelSize
from unet.memmap import release_pages, row_blocks
from unet.prediction.maps import LEVELS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Column:
    """What a column holds: a title with its unit, and what it means in a sentence."""

    title: str
    help: str


SHAPE = {
    "label": Column("Nucleus", "Its number in the label map."),
    "area": Column("Area, px", "Pixels that belong to it."),
    "equivalent_diameter": Column("Diameter, px", "Of the circle with the same area."),
    "perimeter": Column("Perimeter, px", "Length of its rim (Benkrid and Crookes, 2000)."),
    "circularity": Column("Circularity", "4 π area / perimeter² (Cox, 1927): 1 for a circle; at most 1 here."),
    "eccentricity": Column("Eccentricity", "Of the ellipse with the same second moments: 0 a circle, near 1 a line."),
    "solidity": Column("Solidity", "Its area as a share of its convex hull's: less than 1 where it is dented."),
    "orientation": Column("Orientation, °", "Of its longer axis against the horizontal, counter-clockwise, -90 to 90."),
    "centroid_x": Column("x, px", "Of its centroid, from the left edge; the first pixel's middle is 0."),
    "centroid_y": Column("y, px", "Of its centroid, from the upper edge."),
    "mean_probability": Column("Probability", "Mean of the probability map over its pixels, 0 to 1."),
}
CALIBRATED = {
    "area_um2": Column("Area, µm²", "From the pixel size."),
    "equivalent_diameter_um": Column("Diameter, µm", "Of the circle with the same area."),
    "perimeter_um": Column("Perimeter, µm", "Length of its rim."),
}
KINDS = {"mean": "Mean", "min": "Minimum", "max": "Maximum"}
# So many channels are measured at most.
MOST_CHANNELS = 8
INTENSITY = {
    f"intensity_{kind}{suffix}": Column(
        f"{word} intensity{where}", "Of the image's values as they are stored, over its pixels."
    )
    for suffix, where in [("", ""), *((f"_{n}", f", channel {n}") for n in range(1, MOST_CHANNELS + 1))]
    for kind, word in KINDS.items()
}
STAINED = {
    "marker_mean": Column("Marker, mean", "Of the marker's channel, over its pixels."),
    "positive": Column("Positive", "1 where the marker's mean lies above the level, else 0."),
}
DRAWN = {"regions": Column("Regions", "In how many of the regions that were drawn its centroid lies.")}
COLUMNS: dict[str, Column] = {**SHAPE, **CALIBRATED, **INTENSITY, **STAINED, **DRAWN}


def measure(
    labels: np.ndarray, image: np.ndarray, probability: np.ndarray, pixel_size: PixelSize | None = None
) -> pd.DataFrame:
    """Measure the objects of a label map, a few rows at a time: it may be larger than memory should hold.

    Parameters
    ----------
    labels : (height, width) of integers
        0 is background; numbers may be missing.
    image : (height, width) or (height, width, channels)
        As it was given: intensities are its values.
    probability : (height, width) float32, or uint16 levels
        Levels are shares of 65535.
    pixel_size : PixelSize, optional

    Returns
    -------
    DataFrame
        One row an object, in the order of their numbers, with the columns of ``COLUMNS`` that can be known: those in
        micrometres with a pixel size, one set of intensities a channel.
    """
    import pandas as pd

    channels = image[..., None] if image.ndim == 2 else image[..., :MOST_CHANNELS]
    sums = _Sums(int(labels.max(initial=0)), channels.shape[2])
    for rows in row_blocks(labels.shape):
        sums.add(labels, probability, channels, rows)
    numbers = np.flatnonzero(sums.area)
    table = {"label": numbers, **_shapes(sums, numbers)}
    means = sums.probability[numbers] / sums.area[numbers]
    table["mean_probability"] = means / LEVELS if probability.dtype == np.uint16 else means
    if pixel_size:
        table |= _calibrated(table, pixel_size)
    for index in range(channels.shape[2]):
        suffix = f"_{index + 1}" if channels.shape[2] > 1 else ""
        table[f"intensity_mean{suffix}"] = sums.intensity[index, numbers] / sums.area[numbers]
        table[f"intensity_min{suffix}"] = sums.least[index, numbers].astype(image.dtype)
        table[f"intensity_max{suffix}"] = sums.greatest[index, numbers].astype(image.dtype)
    return pd.DataFrame(table)


class _Sums:
    """What can be added up over the pixels of each object; the index is the object's number."""

    def __init__(self, count: int, channels: int):
        self.area = np.zeros(count + 1, np.int64)
        self.perimeter, self.probability = np.zeros(count + 1), np.zeros(count + 1)
        self.moments = np.zeros((5, count + 1))  # of x, y, x², y², xy
        self.intensity = np.zeros((channels, count + 1))
        self.least, self.greatest = np.full((channels, count + 1), np.inf), np.full((channels, count + 1), -np.inf)
        self._rows: list[np.ndarray] = []

    @property
    def rows(self) -> np.ndarray:
        """Object, y, first and last x of each row of each object, (4, n) int32, sorted by object and y."""
        rows = np.concatenate([np.zeros((4, 0), np.int32), *self._rows], axis=1)
        return rows[:, np.argsort(rows[0], kind="stable")]

    def add(self, labels: np.ndarray, probability: np.ndarray, channels: np.ndarray, rows: slice) -> None:
        """Add the objects' pixels of some rows."""
        part = np.asarray(labels[rows])
        places = np.flatnonzero(part)
        if not len(places):
            return
        # Sorted by object, each one's pixels lie side by side.
        found = part.ravel()[places]
        places = places[np.argsort(found, kind="stable")]
        found = part.ravel()[places]
        begins = np.diff(found, prepend=0) != 0
        starts = np.flatnonzero(begins)
        numbers = found[starts]

        def total(values: np.ndarray) -> np.ndarray:
            return np.add.reduceat(values.astype(np.float64), starts)

        self.area[numbers] += np.diff(starts, append=len(found))
        y, x = np.divmod(places, part.shape[1])
        firsts = np.flatnonzero(begins | (np.diff(y, prepend=-1) != 0))
        lasts = np.append(firsts[1:], len(found)) - 1
        self._rows.append(np.stack([found[firsts], y[firsts] + rows.start, x[firsts], x[lasts]]).astype(np.int32))
        y, x = (y + rows.start).astype(np.float64), x.astype(np.float64)
        for moment, values in zip(self.moments, (x, y, x * x, y * y, x * y), strict=True):
            moment[numbers] += total(values)
        self.probability[numbers] += total(np.asarray(probability[rows]).ravel()[places])
        for index in range(channels.shape[2]):
            values = np.asarray(channels[rows, :, index]).ravel()[places]
            self.intensity[index, numbers] += total(values)
            self.least[index, numbers] = np.minimum(self.least[index, numbers], np.minimum.reduceat(values, starts))
            self.greatest[index, numbers] = np.maximum(
                self.greatest[index, numbers], np.maximum.reduceat(values, starts)
            )
        _add_perimeters(self.perimeter, labels, rows)
        release_pages(labels)


def _add_perimeters(perimeter: np.ndarray, labels: np.ndarray, rows: slice) -> None:
    """Add the rims' lengths in some rows, each pixel of a rim by how its neighbours in the rim lie.

    As ``skimage.measure.perimeter`` of each object by itself; two rows around are looked at as well.
    """
    first, last = max(0, rows.start - 2), min(labels.shape[0], rows.stop + 2)
    part = np.pad(np.asarray(labels[first:last]), 2)
    wide = part.shape[1]
    flat = part.ravel()
    inside = np.flatnonzero(flat)
    here = flat[inside]
    straight = (-wide, -1, 1, wide)
    rim = np.zeros(len(flat), bool)
    rim[inside] = np.any([flat[inside + step] != here for step in straight], axis=0)
    middle = np.zeros(part.shape, bool)
    middle[2 + rows.start - first : 2 + rows.stop - first] = True
    places = np.flatnonzero(rim & middle.ravel())
    here = flat[places]

    def count(steps: tuple[int, ...]) -> np.ndarray:
        return np.sum([rim[places + step] & (flat[places + step] == here) for step in steps], axis=0)

    kinds = 1 + 2 * count(straight) + 10 * count((-wide - 1, -wide + 1, wide - 1, wide + 1))
    perimeter += np.bincount(here, RIM_LENGTHS[kinds], minlength=len(perimeter))


# By 1 + 2 x straight neighbours + 10 x diagonal ones in the rim (Benkrid and Crookes, "Design and FPGA implementation
# of a perimeter estimator", 2000).
RIM_LENGTHS = np.zeros(50)
RIM_LENGTHS[[5, 7, 15, 17, 25, 27]] = 1
RIM_LENGTHS[[21, 33]] = math.sqrt(2)
RIM_LENGTHS[[13, 23]] = (1 + math.sqrt(2)) / 2


def _shapes(sums: _Sums, numbers: np.ndarray) -> dict[str, np.ndarray]:
    area, perimeter = sums.area[numbers], sums.perimeter[numbers]
    x, y, xx, yy, xy = sums.moments[:, numbers] / area
    # Second moments about the centroid, a pixel being a square and not a point.
    xx, yy, xy = xx - x * x + 1 / 12, yy - y * y + 1 / 12, xy - x * y
    middle, spread = (xx + yy) / 2, np.hypot((xx - yy) / 2, xy)
    with np.errstate(divide="ignore"):
        circularity = np.where(perimeter > 0, np.minimum(1, 4 * math.pi * area / perimeter**2), 1)
    return {
        "area": area,
        "equivalent_diameter": np.sqrt(4 / math.pi * area),
        "perimeter": perimeter,
        "circularity": circularity,
        "eccentricity": np.sqrt(1 - np.maximum(middle - spread, 0) / (middle + spread)),
        "solidity": area / _hull_areas(sums.rows, len(sums.area) - 1)[numbers],
        "orientation": np.degrees(-np.arctan2(2 * xy, xx - yy) / 2),  # rows go down, angles go up
        "centroid_x": x,
        "centroid_y": y,
    }


def _hull_areas(rows: np.ndarray, count: int) -> np.ndarray:
    """Return the area of the convex hull of each object's pixels, squares as they are; the index is its number.

    Parameters
    ----------
    rows : (4, n) integer
        Object, y, and first and last x of each row of each object; sorted by object, then by y.
    count : int
        The largest number.
    """
    number, y, first, last = rows.astype(np.int64)
    # All that the hull can touch are the corners of the first and last pixel of each row.
    number, y = np.repeat(number, 2), np.stack([y, y + 1], axis=1).ravel()
    starts = np.flatnonzero((np.diff(number, prepend=-1) != 0) | (np.diff(y, prepend=-1) != 0))
    left = np.minimum.reduceat(np.repeat(first, 2), starts)
    right = np.maximum.reduceat(np.repeat(last + 1, 2), starts)
    number, y = number[starts], y[starts]
    return -_under_hull(number, y, -right, count) - _under_hull(number, y, left, count)


def _under_hull(number: np.ndarray, y: np.ndarray, x: np.ndarray, count: int) -> np.ndarray:
    """Return the integral over y of the lower convex hull of each object's points (x of y), (count + 1,) float64.

    What lies on or above the line between its neighbours is not a corner; in each round all such points go.
    """
    while True:
        over, down = x[1:-1] - x[:-2], y[1:-1] - y[:-2]
        is_above = over * (y[2:] - y[:-2]) >= (x[2:] - x[:-2]) * down
        gone = 1 + np.flatnonzero(is_above & (number[:-2] == number[2:]))
        if not len(gone):
            break
        number, y, x = (np.delete(values, gone) for values in (number, y, x))
    of_one = number[1:] == number[:-1]
    trapezoids = (x[1:] + x[:-1]) * np.diff(y) / 2
    return np.bincount(number[1:][of_one], trapezoids[of_one], minlength=count + 1)


def _calibrated(table: dict[str, np.ndarray], size: PixelSize) -> dict[str, np.ndarray]:
    area = table["area"] * size.x * size.y
    return {
        "area_um2": area,
        "equivalent_diameter_um": np.sqrt(4 / math.pi * area),
        # Rims are measured in pixels; where these are not square, as if they were, and as large.
        "perimeter_um": table["perimeter"] * size.mean,
    }
