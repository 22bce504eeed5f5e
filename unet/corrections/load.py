"""Nuclei out of other programs' files: label maps, ImageJ's regions of interest, GeoJSON and COCO."""

from __future__ import annotations

import io
import json
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from unet.corrections.coco_masks import pixels_of
from unet.corrections.raster import Point, box_of, polygon
from unet.errors import ImageError
from unet.io.images import read_mask
from unet.prediction.objects import label_objects

SUFFIXES = (".tif", ".tiff", ".png", ".zip", ".roi", ".geojson", ".json")
# What a file may hold at most: more than any image that is accepted has nuclei, and no more than memory bears.
MAX_NUCLEI = 200_000
MAX_POINTS = 5_000_000
MAX_BYTES = 400_000_000
# How often all nuclei of a file together may cover their image: those of other programs overlap a little.
MAX_TIMES = 50

# What exports call regions, in GeoJSON and in ImageJ's: these are not nuclei.
REGION_CLASS, REGION_PREFIX = "Region*", "Region: "

Size = tuple[int, int]
# The rings of a shape; a pixel belongs to it if an odd number of them are around its middle.
Rings = list[list[Point]]


def read_nuclei(
    content: bytes, name: str, size: Size, image_name: str = "", *, may_be_empty: bool = False
) -> np.ndarray:
    """Read the nuclei of an image from a file that this or another program wrote.

    Parameters
    ----------
    content : bytes
    name : str
        The file's, whose ending says what it is: a label map (.tif, .png), regions of interest of ImageJ (.zip, .roi),
        GeoJSON (.geojson, .json) or COCO (.json).
    size : tuple of int
        Height and width of the image.
    image_name : str
        The image's, by which a COCO file of several images is searched.
    may_be_empty : bool
        Whether a file without nuclei is an answer, and not a mistake.

    Returns
    -------
    (height, width) uint32
        0 is background. Where nuclei overlap, the first one has the pixel.

    Raises
    ------
    ImageError
        If it cannot be read, has no nuclei, or belongs to an image of another size.
    """
    suffix = PurePath(name).suffix.lower()
    if suffix not in SUFFIXES:
        raise ImageError(
            f"{name} has no ending that is known here; files with these endings are: {', '.join(SUFFIXES)}."
        )
    if suffix in (".tif", ".tiff", ".png"):
        labels = _label_map(content, name, size)
    else:
        read: Callable[[bytes, Size, str], Iterator[Rings | np.ndarray]]
        read = _rois if suffix == ".zip" else _one_roi if suffix == ".roi" else _json
        try:
            labels = _painted(read(content, size, image_name), size)
        except ImageError as error:
            raise ImageError(f"{name}: {error}") from error
        except (
            ValueError,
            TypeError,
            KeyError,
            IndexError,
            AttributeError,
            zipfile.BadZipFile,
            RecursionError,
            RuntimeError,  # encrypted
            OverflowError,
            MemoryError,
            EOFError,
            NotImplementedError,
            zlib.error,
        ) as error:
            raise ImageError(f"{name} cannot be read; it is damaged, or no file of its kind.") from error
    if not may_be_empty and not labels.any():
        raise ImageError(f"{name} holds no nuclei that lie in the image.")
    return labels


def _label_map(content: bytes, name: str, size: Size) -> np.ndarray:
    labels = read_mask(content, name=name)
    if labels.shape != size:
        raise ImageError(
            f"{name} is {labels.shape[1]} x {labels.shape[0]} pixels, but its image is {size[1]} x {size[0]}."
        )
    if labels.min(initial=0) < 0 or labels.max(initial=0) >= 2**32:
        raise ImageError(f"{name} holds numbers below 0 or beyond 32 bits; nuclei are numbered from 1.")
    values = np.unique(labels[labels > 0])
    # A mask of one value says what is nucleus, not which.
    if len(values) == 1:
        return label_objects(labels).astype(np.uint32)
    return (np.searchsorted(values, labels) + 1).astype(np.uint32) * (labels > 0)


def _painted(shapes: Iterator[Rings | np.ndarray], size: Size) -> np.ndarray:
    labels = np.zeros(size, np.uint32)
    count = points = covered = 0
    for shape in shapes:
        count += 1
        points += sum(map(len, shape)) if isinstance(shape, list) else 0
        if count > MAX_NUCLEI or points > MAX_POINTS:
            raise ImageError(f"it holds more than {MAX_NUCLEI:,} nuclei or {MAX_POINTS:,} points.")
        if isinstance(shape, np.ndarray):
            covered = _covered(covered, len(shape), size)
            free = shape[labels.flat[shape] == 0]
            labels.flat[free] = count
            continue
        everything = [point for ring in shape for point in ring]
        _check_inside(everything, size)
        box = box_of(everything, 0, size)
        mask = np.zeros(labels[box].shape, bool)
        covered = _covered(covered, mask.size * len(shape), size)
        for ring in shape:
            mask ^= polygon(ring, box)
        part = labels[box]
        part[mask & (part == 0)] = count
    return labels


def _covered(before: int, pixels: int, size: Size) -> int:
    """Return how many pixels all shapes so far cover; a small file must not hold work without end."""
    if before + pixels > MAX_TIMES * max(size[0] * size[1], 1_000_000):
        raise ImageError(f"its nuclei, or the boxes around them, cover the image more than {MAX_TIMES} times.")
    return before + pixels


def _check_inside(points: list[Point], size: Size) -> None:
    array = np.array(points, float)
    if array.ndim != 2 or not np.isfinite(array).all():
        raise ValueError(points[:3])
    if array.min() < -1 or (array.max(axis=0) > (size[1] + 1, size[0] + 1)).any():
        x, y = array[np.argmax(np.maximum(np.abs(array - np.array(size[::-1]) / 2) / size[::-1], 0).max(axis=1))]
        raise ImageError(
            f"a nucleus reaches to x {x:.0f}, y {y:.0f}, beyond this image of {size[1]} x {size[0]} pixels; "
            "it belongs to another image."
        )


# ---- ImageJ ----------------------------------------------------------------------------------------------------


def _rois(content: bytes, size: Size, image_name: str) -> Iterator[Rings]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [each for each in archive.infolist() if each.filename.lower().endswith(".roi")]
        if sum(each.file_size for each in members) > MAX_BYTES:
            raise ImageError(f"unpacked, it is more than {MAX_BYTES // 10**6} MB.")
        for member in members:
            with archive.open(member) as file:
                data = file.read(member.file_size + 1)
            yield from _one_roi(data, size, image_name)


def _one_roi(content: bytes, size: Size, image_name: str) -> Iterator[Rings]:
    import roifile

    try:
        roi = roifile.ImagejRoi.frombytes(content)
        lines = roi.coordinates(multi=True)
    except (struct.error, AssertionError) as error:
        raise ValueError("roi") from error
    rings = [[(float(x), float(y)) for x, y in line] for line in lines if len(line) >= 3]
    # Lines, points and regions are not nuclei.
    lines_and_points = (roifile.ROI_TYPE.LINE, roifile.ROI_TYPE.POLYLINE, roifile.ROI_TYPE.POINT)
    if rings and roi.roitype not in lines_and_points and not roi.name.startswith(REGION_PREFIX):
        yield rings


# ---- JSON ------------------------------------------------------------------------------------------------------


def _json(content: bytes, size: Size, image_name: str) -> Iterator[Rings | np.ndarray]:
    data = json.loads(content)
    if isinstance(data, dict) and "annotations" in data:
        yield from _coco(data, size, image_name)
        return
    features = data.get("features", [data]) if isinstance(data, dict) else data
    for feature in features:
        kind = (feature.get("properties") or {}).get("classification") or {}
        if isinstance(kind, dict) and kind.get("name") == REGION_CLASS:
            continue
        geometry = feature.get("geometry", feature)
        parts = {"Polygon": lambda each: [each], "MultiPolygon": list}.get(geometry["type"])
        if parts:  # points and lines are not nuclei
            yield [
                [(float(x), float(y)) for x, y, *_ in ring] for part in parts(geometry["coordinates"]) for ring in part
            ]


def _coco(data: dict[str, Any], size: Size, image_name: str) -> Iterator[Rings | np.ndarray]:
    images = data["images"]
    stem = PurePath(image_name).stem
    same = [each for each in images if PurePath(str(each["file_name"])).stem == stem]
    if len(images) > 1 and len(same) != 1:
        raise ImageError(f"it speaks of {len(images)} images, and {len(same)} of them are called {image_name}.")
    image = same[0] if same else images[0]
    there = int(image["height"]), int(image["width"])
    if there != size:
        raise ImageError(f"its image is {there[1]} x {there[0]} pixels, but this one is {size[1]} x {size[0]}.")
    for annotation in data["annotations"]:
        if annotation["image_id"] == image["id"]:
            shape = annotation["segmentation"]
            if isinstance(shape, dict):
                yield pixels_of(shape, size)
            else:
                yield [[(float(x), float(y)) for x, y in zip(ring[::2], ring[1::2], strict=True)] for ring in shape]
