"""OME-Zarr (NGFF 0.4 and 0.5): images, and plates of them, read a part at a time. Needs the extra ``[zarr]``."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np

from unet.errors import ImageError
from unet.io.images import narrow_image
from unet.io.pixel_size import MICROMETRES, sensible_size
from unet.io.pyramid import Level, middle_of
from unet.memmap import BLOCK_PIXELS, new_map, release_pages

MARKERS = ("zarr.json", ".zgroup", ".zattrs")
AXES = "tczyx"
MOST_CHANNELS = 64
# More than any program writes into a chunk, or into a description.
MOST_CHUNK_BYTES = 2**29
MOST_FIELDS = 200_000
INSTALL = "OME-Zarr needs two packages more: pip install 'unet-studio[zarr]'"


@dataclass(frozen=True)
class Field:
    """One image of a plate: its address, and the well and field that it shows."""

    address: str
    well: str
    field: str


def is_zarr(address: str) -> bool:
    """Tell whether an address is that of a Zarr group: a folder with its description, or one of a server."""
    if "://" in address:
        return ".zarr" in address
    return any((Path(address) / name).is_file() for name in MARKERS)


def open_fields(address: str) -> list[Field]:
    """Return the images that an OME-Zarr holds: of a plate those of all wells, else itself.

    Raises
    ------
    ImageError
        If it cannot be read, or is no OME-Zarr.
    """
    about = _about(_group(address), address)
    try:
        if "plate" in about:
            wells = [str(each["path"]) for each in about["plate"]["wells"]]
            fields = []
            for path in wells:
                try:
                    well = _about(_group(f"{address}/{path}"), f"{address}/{path}")["well"]
                except ImageError:  # predicting it says what is wrong, and the others go on
                    fields.append(Field(f"{address}/{path}", path.replace("/", ""), ""))
                    continue
                for image in well["images"]:
                    name = str(image["path"])
                    fields.append(Field(f"{address}/{path}/{name}", path.replace("/", ""), name))
                if len(fields) > MOST_FIELDS:
                    raise ImageError(f"{address} has more than {MOST_FIELDS:,} fields.")
            return fields
        if "well" in about:
            well_name = "".join(address.rstrip("/").split("/")[-2:])
            paths = [str(image["path"]) for image in about["well"]["images"]]
            return [Field(f"{address}/{path}", well_name, path) for path in paths]
    except (KeyError, TypeError, AttributeError) as error:
        raise ImageError(f"{address}: the description of its plate or well is damaged.") from error
    return [Field(address, "", "")]


class ZarrImage:
    """An image of an OME-Zarr, at one point in time and one or several depths.

    Parameters
    ----------
    address : str
        A folder, or an address that fsspec knows.
    t : int
    z : sequence of int
        One depth, or those of which the maximum is taken.
    channels : sequence of str
        Names of the channels that are read; by default all of them.

    Raises
    ------
    ImageError
        If it cannot be read, or is no image of OME-Zarr.
    """

    def __init__(self, address: str, t: int = 0, z: Sequence[int] = (0,), channels: Sequence[str] = ()):
        self.address = address
        self._group = _group(address)
        about = _about(self._group, address)
        try:
            scales = about["multiscales"][0]
            self.axes = "".join(str(axis["name"]).lower() for axis in scales["axes"])
            self._units = {str(axis["name"]).lower(): str(axis.get("unit") or "") for axis in scales["axes"]}
            self._arrays = [self._array(str(each["path"])) for each in scales["datasets"]]
            self._scale: list[float] = []
            self.levels = self._levels(scales)
            self.channel_names = tuple(
                str(each.get("label", "")) for each in about.get("omero", {}).get("channels", ())
            )
        except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
            raise ImageError(f"{address} is no image of OME-Zarr, or its description is damaged.") from error
        self._t, self._z = t, tuple(z)
        self._channels = self._named(channels)
        if not 0 <= t < self.count("t") or any(not 0 <= each < self.count("z") for each in z):
            raise ImageError(f"{address} has {self.count('t')} points in time and {self.count('z')} planes, from 0.")

    def count(self, axis: str) -> int:
        """Return how many there are along ``t``, ``c`` or ``z``; 1 where there is no such axis."""
        return int(self._arrays[0].shape[self.axes.index(axis)]) if axis in self.axes else 1

    @property
    def zarr_format(self) -> Literal[2, 3]:
        """Of Zarr itself: 2 for OME-Zarr 0.4, 3 for 0.5."""
        return 3 if self._group.metadata.zarr_format == 3 else 2

    def described(self, axis: str) -> dict[str, str]:
        """Return what the file says of an axis: its name, type and unit."""
        about = {"name": axis, "type": "time" if axis == "t" else "space"}
        return about | ({"unit": self._units[axis]} if self._units.get(axis) else {})

    def spacing(self, axis: str) -> float:
        """Return the step from plane to plane, or from frame to frame, in the file's own unit."""
        return self._scale[self.axes.index(axis)]

    def look(self, level: int) -> np.ndarray:
        """Return the middle of a level; see ``unet.io.pyramid``."""
        return self._part(level, *middle_of(self.levels[level].height, self.levels[level].width))

    def read(self, level: int, folder: Path) -> np.ndarray:
        """Return a level whole, some chunks at a time; see ``unet.io.pyramid``."""
        chosen = self.levels[level]
        result: np.ndarray | None = None
        deep, wide = (max(1, int(side)) for side in self._arrays[level].chunks[-2:])
        # Whole chunks, each of which is unpacked once, and as many side by side as take little memory.
        wide *= max(1, BLOCK_PIXELS // (deep * wide))
        for top, left in itertools.product(range(0, chosen.height, deep), range(0, chosen.width, wide)):
            rows = slice(top, min(top + deep, chosen.height))
            columns = slice(left, min(left + wide, chosen.width))
            part = self._part(level, rows, columns)
            if result is None:
                result = new_map((chosen.height, chosen.width, *part.shape[2:]), part.dtype, folder)
            result[rows, columns] = part
            release_pages(result)
        assert result is not None  # each level has pixels
        return result

    def _part(self, level: int, rows: slice, columns: slice) -> np.ndarray:
        array = self._arrays[level]
        planes = []
        for z in self._z:
            where: dict[str, Any] = {"t": self._t, "z": z, "c": slice(None), "y": rows, "x": columns}
            if "c" in self.axes and len(self._channels) == 1:
                where["c"] = slice(self._channels[0], self._channels[0] + 1)
            try:
                part = np.asarray(array[tuple(where[axis] for axis in self.axes)])
            except Exception as error:  # The codecs raise nearly anything on damaged chunks.
                raise ImageError(f"{self.address} cannot be read: a part of it is damaged or missing.") from error
            if "c" in self.axes:
                part = np.moveaxis(part, 0, -1)
                if len(self._channels) > 1 and len(self._channels) < part.shape[-1]:
                    part = part[..., list(self._channels)]
                part = part[..., 0] if part.shape[-1] == 1 else part
            planes.append(part)
        return narrow_image(planes[0] if len(planes) == 1 else np.max(planes, axis=0))

    def _named(self, names: Sequence[str]) -> tuple[int, ...]:
        known = {name.casefold(): place for place, name in reversed(list(enumerate(self.channel_names)))}
        unknown = [name for name in names if name.casefold() not in known]
        if unknown:
            there = ", ".join(filter(None, self.channel_names)) or "none of them has a name"
            raise ImageError(f"{self.address} has no channel “{unknown[0]}”; its channels: {there}.")
        return tuple(known[name.casefold()] for name in names) or tuple(range(self.count("c")))

    def _array(self, path: str) -> Any:
        array = self._group[path]
        chunk = math.prod(getattr(array, "shards", None) or array.chunks) * array.dtype.itemsize
        if chunk > MOST_CHUNK_BYTES or array.dtype.kind not in "buif" or 0 in array.shape:
            raise ImageError(
                f"{self.address}: {array.shape} of {array.dtype} in chunks of {chunk / 2**20:,.0f} MB is no image here."
            )
        return array

    def _levels(self, scales: dict[str, Any]) -> tuple[Level, ...]:
        if (
            self.axes[-2:] != "yx"
            or any(axis not in AXES for axis in self.axes)
            or len(set(self.axes)) < len(self.axes)
        ):
            raise ImageError(
                f"{self.address} has the axes {self.axes}; images here have t, c, z, y and x, in this order."
            )
        if any(array.ndim != len(self.axes) for array in self._arrays) or self.count("c") > MOST_CHANNELS:
            raise ImageError(f"{self.address}: its arrays do not have the axes that it tells of.")
        whole = _scale_of(scales, len(self.axes))
        levels = []
        for array, each in zip(self._arrays, scales["datasets"], strict=True):
            scale = [own * of_all for own, of_all in zip(_scale_of(each, len(self.axes)), whole, strict=True)]
            sides = [
                scale[-2:][place] * MICROMETRES.get(self._units[axis], math.nan) for place, axis in enumerate("yx")
            ]
            height, width = array.shape[-2:]
            factor = math.sqrt(self._arrays[0].shape[-2] * self._arrays[0].shape[-1] / (height * width))
            self._scale = self._scale or scale
            levels.append(Level(str(each["path"]), height, width, factor, sensible_size(sides[1], sides[0])))
        return tuple(levels)


def _scale_of(about: dict[str, Any], count: int) -> list[float]:
    for each in about.get("coordinateTransformations", ()):
        if each["type"] == "scale" and "scale" in each:
            scale = [float(value) for value in each["scale"]]
            if len(scale) != count:
                raise ValueError(scale)
            return scale
    return [1.0] * count


def _group(address: str) -> Any:
    try:
        import zarr
    except ImportError as error:
        raise ImageError(f"{INSTALL}.") from error
    try:
        return zarr.open_group(address, mode="r")
    except Exception as error:  # zarr and fsspec raise nearly anything
        raise ImageError(
            f"{address} cannot be opened as OME-Zarr: it is missing, damaged or something else."
        ) from error


def _about(group: Any, address: str) -> dict[str, Any]:
    """Return what the standard says of a group: 0.5 keeps it under ``ome``, 0.4 does not."""
    attributes = dict(group.attrs)
    about = attributes.get("ome", attributes)
    if not isinstance(about, dict) or not {"multiscales", "plate", "well"} & set(about):
        raise ImageError(f"{address} is a Zarr, but none of images (OME-Zarr 0.4 or 0.5).")
    return about
