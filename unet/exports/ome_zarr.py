"""Label maps where OME-Zarr keeps them: in the image's own group, under ``labels/``, for viewers to find."""

from __future__ import annotations

import colorsys
import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from unet.errors import ImageError
from unet.files import atomic_folder
from unet.io.ome_zarr import ZarrImage
from unet.memmap import release_pages

NAME = "nuclei"
CHUNK = 1024
# A description is read whole: of more nuclei it has neither colours nor measurements.
MOST_DESCRIBED = 50_000


class LabelsWriter:
    """Takes the label maps of an image, plane by plane.

    Parameters
    ----------
    folder : Path
        Of the new group, empty.
    image : ZarrImage
        To which the labels belong.
    times, depths : int
        How many planes there are; 1 where there is no such axis.
    """

    def __init__(self, folder: Path, image: ZarrImage, times: int, depths: int):
        import zarr

        self._axes = [axis for axis in "tz" if axis in image.axes]
        self._image = image
        front = tuple({"t": times, "z": depths}[axis] for axis in self._axes)
        self.version = "0.5" if image.zarr_format == 3 else "0.4"
        self._group: Any = zarr.open_group(folder, mode="w", zarr_format=image.zarr_format)
        # As many levels as the image has, and as large: so the standard wants it.
        self._arrays: list[Any] = [
            self._group.create_array(
                str(number),
                shape=(*front, level.height, level.width),
                chunks=(*[1] * len(front), min(CHUNK, level.height), min(CHUNK, level.width)),
                dtype=np.uint32,
                dimension_names=[*self._axes, "y", "x"] if image.zarr_format == 3 else None,
                chunk_key_encoding={"name": "v2", "separator": "/"} if image.zarr_format == 2 else None,
            )
            for number, level in enumerate(image.levels)
        ]
        self._properties: list[dict[str, Any]] = []
        self._seen = 0

    def put(self, labels: np.ndarray, t: int, z: int, properties: list[dict[str, Any]]) -> None:
        """Write a plane's label map (height, width), found on any of the levels, and what is known of its nuclei."""
        front = tuple({"t": t, "z": z}[axis] for axis in self._axes)
        for array in self._arrays:
            height, width = array.shape[-2:]
            rows, columns = _nearest(height, labels.shape[0]), _nearest(width, labels.shape[1])
            for top, left in itertools.product(range(0, height, CHUNK), range(0, width, CHUNK)):
                down, right = slice(top, min(top + CHUNK, height)), slice(left, min(left + CHUNK, width))
                array[(*front, down, right)] = labels[np.ix_(rows[down], columns[right])]
                release_pages(labels)
        self._seen += 1
        if self._seen == 1:
            self._properties = properties
        else:  # numbers of several planes name several nuclei, or one of which there are several measurements
            known = {each["label-value"] for each in self._properties}
            new = [{"label-value": each["label-value"]} for each in properties if each["label-value"] not in known]
            self._properties = [{"label-value": each["label-value"]} for each in self._properties] + new

    def finish(self) -> None:
        """Write the description."""
        version: dict[str, str] = {"version": "0.4"} if self.version == "0.4" else {}
        about: dict[str, Any] = {"multiscales": [{**version, "name": NAME, "axes": self._described_axes()}]}
        about["multiscales"][0]["datasets"] = [
            {"path": str(number), "coordinateTransformations": [{"type": "scale", "scale": self._scale(number)}]}
            for number in range(len(self._arrays))
        ]
        label: dict[str, Any] = {**version, "source": {"image": "../../"}}
        if 0 < len(self._properties) <= MOST_DESCRIBED:
            label["colors"] = [
                {"label-value": each["label-value"], "rgba": _colour(each["label-value"])} for each in self._properties
            ]
            label["properties"] = self._properties
        about["image-label"] = label
        self._group.attrs.update(about if self.version == "0.4" else {"ome": {"version": "0.5", **about}})

    def _described_axes(self) -> list[dict[str, str]]:
        unit = {"unit": "micrometer"} if all(level.pixel_size for level in self._image.levels) else {}
        front = [self._image.described(axis) for axis in self._axes]
        return [*front, *({"name": axis, "type": "space", **unit} for axis in "yx")]

    def _scale(self, number: int) -> list[float]:
        level = self._image.levels[number]
        sides = (level.pixel_size.y, level.pixel_size.x) if level.pixel_size else (level.factor, level.factor)
        return [*(self._image.spacing(axis) for axis in self._axes), *sides]


@contextlib.contextmanager
def labels_of(image: ZarrImage, times: int = 1, depths: int = 1) -> Iterator[LabelsWriter]:
    """Yield what takes an image's label maps; ``labels/nuclei`` is replaced once all of them are there.

    Raises
    ------
    ImageError
        If the image lies on a server, or its folder cannot be written.
    """
    import zarr

    root = Path(image.address)
    if not root.is_dir():
        raise ImageError(f"Labels can be written into an OME-Zarr in a folder, and {image.address} is none.")
    try:
        with atomic_folder(root / "labels" / NAME) as folder:
            writer = LabelsWriter(folder, image, times, depths)
            yield writer
            writer.finish()
        group: Any = zarr.open_group(root / "labels", mode="a", zarr_format=image.zarr_format)
        attributes: dict[str, Any] = dict(group.attrs)
        about = attributes.get("ome", attributes)
        about["labels"] = sorted({*map(str, about.get("labels", ())), NAME})
        group.attrs.update(about if writer.version == "0.4" else {"ome": {**about, "version": "0.5"}})
    except OSError as error:
        raise ImageError(f"Labels cannot be written into {root.name}: {error.strerror or error}.") from error


def _nearest(length: int, there: int) -> np.ndarray:
    """Return for each pixel of a line which of another line lies where its middle is: numbers have no mean."""
    return ((2 * np.arange(length) + 1) * there) // (2 * length)


def _colour(number: int) -> list[int]:
    """Return a colour of which neighbouring numbers have different ones: hues a golden ratio apart."""
    red, green, blue = colorsys.hsv_to_rgb(number * 0.618033988749895 % 1, 0.65, 0.95)
    return [round(255 * red), round(255 * green), round(255 * blue), 255]
