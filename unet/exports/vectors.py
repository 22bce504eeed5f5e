"""Results as outlines: ImageJ's regions of interest, and GeoJSON as QuPath reads it."""

from __future__ import annotations

import io
import json
import math
import uuid
import zipfile

import roifile

from unet.exports.outlines import Outline, joined_ring, outlines
from unet.prediction.measure import COLUMNS
from unet.prediction.result import Result

# A name for the numbers in this image that stays the same when it is exported again.
NAMESPACE = uuid.UUID("6b1f6f1e-6c3b-4a53-9e0b-0a0d6a3c1b7e")
# Of QuPath's objects of this kind: blue-green of Okabe and Ito's palette.
CLASSIFICATION = {"name": "Nucleus", "color": [0, 158, 115]}


def rois(result: Result) -> bytes:
    """Return a zip of ImageJ regions of interest (https://imagej.net/ij/developer/source/ij/io/RoiDecoder.java.html).

    One polygon an object, named by its number, along the edges of its pixels. ImageJ's polygons are one line around:
    holes are filled.
    """
    stream = io.BytesIO()
    digits = max(4, len(str(int(result.labels.max(initial=0)))))
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for outline in outlines(result.labels):
            name = f"{outline.number:0{digits}d}"
            roi = roifile.ImagejRoi.frompoints(joined_ring(outline), name=name)
            roi.roitype = roifile.ROI_TYPE.POLYGON
            archive.writestr(f"{name}.roi", roi.tobytes())
    return stream.getvalue()


def geojson(result: Result) -> bytes:
    """Return a GeoJSON FeatureCollection (RFC 7946) as QuPath imports it: one detection an object, in pixels."""
    rows = result.measurements.set_index("label").to_dict("index")
    features = [_feature(result, outline, rows[outline.number]) for outline in outlines(result.labels)]
    return json.dumps({"type": "FeatureCollection", "features": features}, allow_nan=False).encode()


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
            "classification": CLASSIFICATION,
            # JSON has no words for what an image of floats may hold; QuPath takes a missing value for unknown.
            "measurements": {COLUMNS[name].title: float(value) for name, value in row.items() if math.isfinite(value)},
        },
    }
