"""Results as tables: measurements, run lengths, a summary of all images."""

from __future__ import annotations

import dataclasses

import numpy as np
from scipy import ndimage

from unet.exports.summary import ImageSummary
from unet.prediction.result import Result
from unet.spreadsheets import csv_of_frame, csv_of_rows


def measurements(result: Result) -> bytes:
    """Return one row an object as CSV, with the columns of ``unet.prediction.measure.COLUMNS``."""
    return csv_of_frame(result.measurements.round(6)).encode()


def summary_row(result: Result) -> ImageSummary:
    """Return an image's row of ``summary.csv``."""
    height, width = result.labels.shape
    areas = result.measurements["area"]
    mean = float(areas.mean()) if len(areas) else 0.0
    seen = result.prediction.seen
    return ImageSummary(
        result.file,
        result.stem,
        height,
        width,
        result.decisions.threshold,
        len(areas),
        float(areas.sum()) / (height * width),
        mean,
        *((seen.channels.text, seen.channels.reason, seen.scale) if seen else ()),
    )


def summary_file(rows: list[ImageSummary]) -> bytes:
    """Return ``summary.csv``."""
    header = [item.name for item in dataclasses.fields(ImageSummary)]
    return csv_of_rows(header, map(dataclasses.astuple, rows)).encode()


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
