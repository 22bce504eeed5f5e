"""Results as images: label maps, masks, probability maps, overlays."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tifffile

from unet import render
from unet.io.pixel_size import PixelSize
from unet.memmap import LARGE_PIXELS, downscale_mean, release_pages
from unet.prediction.marker import POSITIVE
from unet.prediction.objects import label_dtype
from unet.prediction.result import Result
from unet.preprocess.resize import resize_labels

# Overlays are for looking at: those of larger images are made smaller.
LONGEST_OVERLAY = 4096
OPACITY = 0.4
TILE = 512


def labels(result: Result) -> bytes:
    """Return the label map as TIFF, (height, width) uint16, or uint32 with numbers above 65,535; without loss."""
    found = result.labels
    kind = np.dtype(label_dtype(found.max(initial=0)))
    return _tiff(found.shape, kind, lambda rows, columns: found[rows, columns].astype(kind), result.pixel_size)


def probability(result: Result) -> bytes:
    """Return the probability map as TIFF, (height, width) float32, compressed without loss."""
    maps = result.prediction
    return _tiff(
        maps.shape,
        np.dtype(np.float32),
        lambda rows, columns: maps.crop(rows, columns).probability,
        result.pixel_size,
    )


def mask(result: Result) -> bytes:
    """Return the mask as PNG, 8-bit grey: 0 and 255."""
    return render.png(render.mask_picture(result.labels > 0), fast=False)


def classes(result: Result) -> bytes:
    """Return the class of each pixel as PNG, 8-bit grey: 0 background, 1 to n the classes."""
    chosen = result.prediction.class_map(result.decisions.threshold)
    return render.png(np.where(result.labels > 0, chosen, 0).astype(np.uint8), fast=False)


def overlay(result: Result) -> bytes:
    """Return the image with the objects over it as PNG, RGB, its longer side at most 4096 pixels."""
    return render.png(overlay_picture(result, LONGEST_OVERLAY), fast=False)


def overlay_picture(result: Result, longest: int) -> np.ndarray:
    """Return the image with the objects over it, (height, width, 3) uint8, its longer side at most so many pixels.

    Positive and negative objects have a colour each; regions are drawn with their names.
    """
    image = downscale_mean(result.image, longest)
    found = result.labels
    if found.shape != image.shape[:2]:
        found = resize_labels(found, image.shape[:2])
    if result.positive is None:
        picture = render.overlay(image, found, opacity=OPACITY)
    else:
        picture = render.label_overlay(image, found, OPACITY, colors=_class_colors(result))
    lines = [(region.name, region.points) for region in result.regions]
    return render.draw_regions(picture, lines, image.shape[1] / result.image.shape[1])


def _class_colors(result: Result) -> np.ndarray:
    """Return the colours of positive and negative objects by their number, from 1."""
    frame = result.measurements
    colors = np.full((int(result.labels.max(initial=1)), 3), render.NEGATIVE_COLOR, np.uint8)
    colors[frame["label"].to_numpy()[frame[POSITIVE].to_numpy(bool)] - 1] = render.POSITIVE_COLOR
    return colors


def _tiff(
    shape: tuple[int, int],
    dtype: np.dtype,
    part: Callable[[slice, slice], np.ndarray],
    pixel_size: PixelSize | None,
) -> bytes:
    stream = io.BytesIO()
    size: dict[str, Any] = {}
    if pixel_size:
        # Centimetres are what all programs know; ImageJ reads them together with the unit in the description.
        size = {"resolution": (1e4 / pixel_size.x, 1e4 / pixel_size.y), "resolutionunit": "CENTIMETER"}
    whole: dict[str, Any] = {"data": part(slice(None), slice(None))}
    tiles: dict[str, Any] = {"data": _tiles(shape, dtype, part), "shape": shape, "dtype": dtype, "tile": (TILE, TILE)}
    tifffile.imwrite(
        stream,
        **(tiles if shape[0] * shape[1] > LARGE_PIXELS else whole),
        compression="zlib",
        photometric="minisblack",
        metadata=None,
        software="U-Net Studio",
        description=_imagej_words(pixel_size),
        **size,
    )
    return stream.getvalue()


def _imagej_words(size: PixelSize | None) -> str | None:
    """Return the note by which ImageJ knows the unit of the resolution; without a pixel size there is none."""
    return "ImageJ=1.54f\nimages=1\nunit=cm\nloop=false\n" if size else None


def _tiles(shape: tuple[int, int], dtype: np.dtype, part: Callable[[slice, slice], np.ndarray]) -> Iterator[np.ndarray]:
    for top in range(0, shape[0], TILE):
        for left in range(0, shape[1], TILE):
            found = part(slice(top, top + TILE), slice(left, left + TILE))
            tile = np.zeros((TILE, TILE), dtype)
            tile[: found.shape[0], : found.shape[1]] = found
            release_pages(found)
            yield tile
