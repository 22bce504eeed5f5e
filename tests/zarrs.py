"""OME-Zarr images and plates as other programs write them, made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import zarr

KINDS = {"t": "time", "c": "channel", "z": "space", "y": "space", "x": "space"}


def write_zarr(
    folder: Path,
    image: np.ndarray,
    axes: str = "tczyx",
    *,
    version: str = "0.4",
    levels: int = 3,
    side: float = 0.5,
    channels: tuple[str, ...] = (),
    chunk: int = 64,
) -> Path:
    """Write an image with the axes named, each level half as large; ``side`` is that of a pixel in micrometres."""
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    datasets = []
    for level in range(levels):
        small = image[..., :: 2**level, :: 2**level]
        chunks = (*[1] * (image.ndim - 2), *(min(chunk, length) for length in small.shape[-2:]))
        names = None if version == "0.4" else list(axes)
        array = group.create_array(
            str(level), shape=small.shape, dtype=small.dtype, chunks=chunks, dimension_names=names
        )
        array[...] = small
        scale = [side * 2**level if axis in "yx" else 1.0 for axis in axes]
        datasets.append({"path": str(level), "coordinateTransformations": [{"type": "scale", "scale": scale}]})
    described = [
        {"name": axis, "type": KINDS[axis]} | ({"unit": "micrometer"} if axis in "zyx" else {}) for axis in axes
    ]
    about: dict[str, Any] = {"multiscales": [{"name": "image", "axes": described, "datasets": datasets}]}
    if channels:
        window = {"start": 0, "end": 255, "min": 0, "max": 255}
        about["omero"] = {"channels": [{"label": name, "color": "FFFFFF", "window": window} for name in channels]}
    describe(group, about, version)
    return folder


def write_plate(folder: Path, wells: dict[str, list[np.ndarray]], *, version: str = "0.4") -> Path:
    """Write a plate with the fields (y, x) of each well, such as ``A/1``."""
    group = zarr.open_group(folder, mode="w", zarr_format=2 if version == "0.4" else 3)
    rows, columns = (sorted({well.split("/")[place] for well in wells}) for place in (0, 1))
    places = [
        {"path": well, "rowIndex": rows.index(well.split("/")[0]), "columnIndex": columns.index(well.split("/")[1])}
        for well in wells
    ]
    named = {"rows": [{"name": name} for name in rows], "columns": [{"name": name} for name in columns]}
    describe(group, {"plate": {**named, "wells": places, "name": folder.stem}}, version)
    for well, fields in wells.items():
        about = {"images": [{"path": str(number)} for number in range(len(fields))]}
        describe(group.create_group(well), {"well": about}, version)
        for number, field in enumerate(fields):
            write_zarr(folder / well / str(number), field, "yx", version=version, levels=1)
    return folder


def describe(group: zarr.Group, about: dict[str, Any], version: str) -> None:
    """Write what the standard wants to know, where the version wants it."""
    if version == "0.5":
        group.attrs.update({"ome": {"version": version, **about}})
        return
    for name, value in about.items():
        if name in ("multiscales",):
            value[0]["version"] = version
        elif name in ("plate", "well"):
            value["version"] = version
    group.attrs.update(about)
