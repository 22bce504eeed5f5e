"""Results as tables: measurements, run lengths, a summary of all images."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import numpy as np
from scipy import ndimage

from unet.prediction.grouping import group_of
from unet.prediction.regions import COUNT, RegionFigures, region_figures
from unet.prediction.result import PLACES, Result
from unet.spreadsheets import csv_of_frame, csv_of_rows

if TYPE_CHECKING:
    import pandas as pd


@dataclasses.dataclass
class ImageSummary:
    """One row of ``summary.csv``: areas in pixels, ``covered`` as a share of the image, 0 to 1.

    ``channels`` are those that the model was given, ``channels_because`` says why,
    ``scale`` is that of the image as it saw it. ``positive`` is a share of the objects, ``in_regions`` how many of them
    lie in one of the ``regions`` that were drawn. ``well`` to ``z`` are places on a plate and in a stack.
    """

    file: str
    stem: str
    height: int = 0
    width: int = 0
    threshold: float = 0.5
    count: int = 0
    covered: float = 0.0
    mean_area: float = 0.0
    channels: str = ""
    channels_because: str = ""
    scale: float = 1.0
    seconds: float = 0.0
    error: str = ""
    positive: float | None = None
    regions: int = 0
    in_regions: int | None = None
    well: str = ""
    field: str = ""
    t: int | None = None
    z: int | None = None


def measurements(result: Result) -> bytes:
    """Return one row per object as CSV, with the columns of ``unet.prediction.measure.COLUMNS``."""
    return csv_of_frame(result.measurements.round(6)).encode()


def nuclei_rows(result: Result) -> pd.DataFrame:
    """Return the measurements of an image's objects, and before them its name and group."""
    frame = named_rows(result.measurements, result.file, group_of(result.file, result.decisions.groups))
    for place, (name, value) in enumerate(result.places.items()):
        frame.insert(2 + place, name, value)
    return frame


def named_rows(measurements: pd.DataFrame, image: str, group: str) -> pd.DataFrame:
    """Return measurements with the columns ``image`` and ``group`` before them."""
    frame = measurements.copy()
    frame.insert(0, "image", image)
    frame.insert(1, "group", group)
    return frame


def nuclei_file(frames: list[pd.DataFrame]) -> bytes:
    """Return ``nuclei.csv``: one row per object of all images; a column that an image does not have stays empty."""
    import pandas as pd

    filled = [frame for frame in frames if len(frame)] or frames[:1]
    frame = pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()
    return csv_of_frame(frame.round(6)).encode()


def group_rows(nuclei: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return a row per group of a table of all nuclei: how many images and nuclei, and how a column is distributed.

    Parameters
    ----------
    nuclei : DataFrame
        As ``named_rows`` gives it, of all images.
    column : str
        A measurement.

    Returns
    -------
    DataFrame
        With the columns ``group``, ``images``, ``nuclei``, ``per_image``, ``mean``, ``sd`` (of the sample, with n - 1)
        and ``median``. Only images with nuclei count, since of the others there is no row.
    """
    rows = nuclei.groupby("group", sort=True).agg(
        images=("image", "nunique"),
        nuclei=(column, "size"),
        mean=(column, "mean"),
        sd=(column, "std"),
        median=(column, "median"),
    )
    rows.insert(2, "per_image", rows["nuclei"] / rows["images"])
    return rows.reset_index()


def summary_row(result: Result) -> ImageSummary:
    """Return an image's row of ``summary.csv``."""
    height, width = result.labels.shape
    summary, seen = result.summary, result.prediction.seen
    return ImageSummary(
        result.file,
        result.stem,
        height,
        width,
        result.decisions.threshold,
        summary.count,
        summary.covered,
        summary.mean_area,
        seen.channels.text if seen else "",
        seen.channels.reason if seen else "",
        seen.scale if seen else 1.0,
        positive=result.positive,
        regions=len(result.regions),
        in_regions=int((result.measurements[COUNT] > 0).sum()) if result.regions else None,
        **result.places,
    )


def summary_file(rows: list[ImageSummary]) -> bytes:
    """Return ``summary.csv``; the columns of places are there where some image has one."""
    header = [item.name for item in dataclasses.fields(ImageSummary)]
    header = [
        name for name in header if name not in PLACES or any(getattr(row, name) not in ("", None) for row in rows)
    ]
    return csv_of_rows(header, ([getattr(row, name) for name in header] for row in rows)).encode()


def region_rows(result: Result) -> list[tuple[object, ...]]:
    """Return the rows of an image in ``regions.csv``: one a region; none where none was drawn."""
    group = group_of(result.file, result.decisions.groups)
    return [
        (result.file, group, *dataclasses.astuple(each)) for each in region_figures(result.measurements, result.regions)
    ]


def region_file(parts: list[list[tuple[object, ...]]]) -> bytes:
    """Return ``regions.csv``: areas in pixels, shares from 0 to 1."""
    header = ["image", "group", *(item.name for item in dataclasses.fields(RegionFigures))]
    return csv_of_rows(header, (row for part in parts for row in part)).encode()


def run_lengths(result: Result) -> list[tuple[str, str]]:
    """Return the rows of an image for the 2018 Data Science Bowl: its name, and the run lengths of one object a row.

    Pairs of a first pixel and a length; pixels are counted from 1, down the columns, then to the right. An image
    without objects has one row with nothing in it.
    """
    rows = []
    height = result.labels.shape[0]
    for number, box in enumerate(ndimage.find_objects(result.labels), start=1):
        if box is None:
            continue
        columns, lines = np.nonzero((np.asarray(result.labels[box]) == number).T)
        places = (columns + box[1].start) * height + lines + box[0].start
        starts = np.flatnonzero(np.diff(places, prepend=-2) > 1)
        lengths = np.diff(starts, append=len(places))
        pairs = np.stack([places[starts] + 1, lengths], axis=1)
        rows.append((result.stem, " ".join(map(str, pairs.ravel()))))
    return rows or [(result.stem, "")]


def run_length_file(parts: list[list[tuple[str, str]]]) -> bytes:
    """Return the file of all images, with the columns ImageId and EncodedPixels."""
    return csv_of_rows(("ImageId", "EncodedPixels"), (row for part in parts for row in part)).encode()
