"""Results as outlines: ImageJ's regions of interest, and GeoJSON as QuPath reads it."""

from __future__ import annotations

import io
import itertools
import json
import math
import uuid
import zipfile
from typing import Any

import numpy as np
import roifile

from unet.corrections.load import REGION_CLASS, REGION_PREFIX
from unet.exports.outlines import Outline, joined_ring, outlines
from unet.prediction.marker import POSITIVE
from unet.prediction.measure import COLUMNS
from unet.prediction.regions import Region
from unet.prediction.result import Result
from unet.render import GREEN, NEGATIVE_COLOR, POSITIVE_COLOR, REGION_COLOR

# A name for the numbers in this image that stays the same when it is exported again.
NAMESPACE = uuid.UUID("6b1f6f1e-6c3b-4a53-9e0b-0a0d6a3c1b7e")
# QuPath's classes, and their colours as the viewer has them: all nuclei, negative and positive ones, regions.
NUCLEUS = {"name": "Nucleus", "color": [*GREEN]}
BY_MARKER: dict[int, dict[str, Any]] = {
    0: {"name": "Nucleus: Negative", "color": [*NEGATIVE_COLOR]},
    1: {"name": "Nucleus: Positive", "color": [*POSITIVE_COLOR]},
}
REGION = {"name": REGION_CLASS, "color": [*REGION_COLOR]}


def rois(result: Result) -> bytes:
    """Return a zip of ImageJ regions of interest (https://imagej.net/ij/developer/source/ij/io/RoiDecoder.java.html).

    One polygon an object, named by its number, along the edges of its pixels. ImageJ's polygons are one line around:
    holes are filled. Positive ones are in ImageJ's group 1, negative ones in group 2. Regions come last.
    """
    stream = io.BytesIO()
    digits = max(4, len(str(int(result.labels.max(initial=0)))))
    positive = result.measurements.set_index("label").get(POSITIVE, {})
    # Stored: to pack some three hundred bytes at a time takes a third of the time, and wins little.
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_STORED) as archive:
        for outline in outlines(result.labels):
            name = f"{outline.number:0{digits}d}"
            roi = roifile.ImagejRoi.frompoints(joined_ring(outline), name=name)
            roi.roitype = roifile.ROI_TYPE.POLYGON
            if (is_positive := positive.get(outline.number)) is not None:
                roi.group = 1 if is_positive else 2
                roi.stroke_color = bytes([255, *BY_MARKER[int(is_positive)]["color"]])
            archive.writestr(f"{name}.roi", roi.tobytes())
        for number, region in enumerate(result.regions, start=1):
            roi = roifile.ImagejRoi.frompoints(np.array(region.points), name=f"{REGION_PREFIX}{region.name}")
            roi.roitype = roifile.ROI_TYPE.POLYGON
            archive.writestr(f"region-{number:04d}.roi", roi.tobytes())
    return stream.getvalue()


def geojson(result: Result) -> bytes:
    """Return a GeoJSON FeatureCollection (RFC 7946) as QuPath imports it, in pixels: objects and regions.

    An object is a detection, a region an annotation that is locked.
    """
    rows = result.measurements.set_index("label").to_dict("index")
    features = (_feature(result, outline, rows[outline.number]) for outline in outlines(result.labels))
    regions = (_region(region) for region in result.regions)
    # One by one: millions of coordinates as objects at once would keep the garbage collector busy.
    texts = (json.dumps(feature, allow_nan=False) for feature in itertools.chain(features, regions))
    return f'{{"type": "FeatureCollection", "features": [{", ".join(texts)}]}}'.encode()


def _region(region: Region) -> dict[str, Any]:
    ring = [*map(list, region.points), list(region.points[0])]
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(NAMESPACE, region.id)),
        "geometry": {"type": "Polygon", "coordinates": [ring]},
        "properties": {
            "objectType": "annotation",
            "name": region.name,
            "isLocked": True,
            "classification": REGION,
        },
    }


def _feature(result: Result, outline: Outline, row: dict[str, float]) -> dict:
    # Each ring ends where it began; outer rings go counter-clockwise where y goes up, as the standard has it.
    parts = [[[*ring[::-1].tolist(), ring[-1].tolist()] for ring in rings] for rings in outline.parts]
    one = len(parts) == 1
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(NAMESPACE, f"{result.file}/{result.page}/{outline.number}")),
        "geometry": {"type": "Polygon" if one else "MultiPolygon", "coordinates": parts[0] if one else parts},
        "properties": {
            "objectType": "detection",
            "name": str(outline.number),
            "classification": BY_MARKER[int(row[POSITIVE])] if POSITIVE in row else NUCLEUS,
            # JSON has no words for what an image of floats may hold; QuPath takes a missing value for unknown.
            "measurements": {
                COLUMNS[name].title: float(value)
                for name, value in row.items()
                if name in COLUMNS and math.isfinite(value)
            },
        },
    }
