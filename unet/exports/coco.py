"""Results as COCO JSON (Lin et al., "Microsoft COCO", ECCV 2014; https://cocodataset.org/#format-data)."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from unet.exports.outlines import Outline, outlines
from unet.prediction.marker import POSITIVE
from unet.prediction.result import Result

CATEGORIES = [{"id": 1, "name": "nucleus", "supercategory": "cell"}]


def part(result: Result) -> dict[str, Any]:
    """Return one image and its annotations; numbers are given when all are there."""
    height, width = result.labels.shape
    image = {"file_name": result.file, "height": height, "width": width}
    rows = result.measurements.set_index("label")
    means, positive = rows["mean_probability"], rows.get(POSITIVE)
    annotations = []
    for outline in outlines(result.labels):
        more = {} if positive is None else {"attributes": {"positive": bool(positive[outline.number])}}
        annotations.append({**_annotation(outline, means[outline.number]), **more})
    return {"image": image, "annotations": annotations}


def whole(parts: list[dict[str, Any]]) -> bytes:
    """Return the file of all images."""
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, each in enumerate(parts, start=1):
        images.append({"id": number, **each["image"]})
        for annotation in each["annotations"]:
            annotations.append({"id": len(annotations) + 1, "image_id": number, **annotation})
    return json.dumps(
        {
            "info": {"description": "Nuclei found by U-Net Studio"},
            "images": images,
            "annotations": annotations,
            "categories": CATEGORIES,
        }
    ).encode()


def _annotation(outline: Outline, score: float) -> dict[str, Any]:
    rows, columns = outline.box
    height, width = outline.mask.shape
    return {
        "category_id": 1,
        "segmentation": _segmentation(outline),
        "area": int(np.count_nonzero(outline.mask)),
        "bbox": [columns.start, rows.start, width, height],
        "iscrowd": 0,
        "score": round(float(score), 4),
    }


def _segmentation(outline: Outline) -> list[list[int]]:
    """Return the polygons of an object. COCO's have no holes: a cut of no width joins each to the ring around it."""
    return [_with_holes(rings).ravel().tolist() for rings in outline.parts]


def _with_holes(rings: list[np.ndarray]) -> np.ndarray:
    line = rings[0]
    for hole in rings[1:]:
        # From the nearest corner there and back again.
        distances = np.abs(line[:, None] - hole[None]).sum(axis=2)
        here, there = np.unravel_index(distances.argmin(), distances.shape)
        around = np.concatenate([hole[there:], hole[: there + 1]])
        line = np.concatenate([line[: here + 1], around, line[here:]])
    return line
