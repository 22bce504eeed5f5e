"""What there is to predict in a file, folder or address: single images, planes of stacks, points in time, wells."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tifffile

from unet.errors import ConfigError, ImageError
from unet.io.images import count_pages, level_sizes, map_image, read_window
from unet.io.ome import page_order
from unet.io.ome_zarr import ZarrImage, is_zarr, open_fields
from unet.io.pixel_size import PixelSize, read_pixel_size
from unet.io.pyramid import Level, Pyramid, middle_of
from unet.memmap import release_pages, row_blocks
from unet.settings import Settings

# What of a stack is predicted.
ONE, ALL, MAX = "one", "all", "max"
CHOICES = (ONE, ALL, MAX)
# Of an image of which only a part is in memory: the largest slides have some 20,000.
MOST_IN_PARTS = 100_000


@dataclass(frozen=True)
class Plane:
    """One image to predict.

    Attributes
    ----------
    address : str
        Its file, or the folder or address of an OME-Zarr.
    title : str
        What names of its files begin with, before they are made unique.
    pages : tuple of int
        Of a file, or depths of an OME-Zarr; of several the maximum is taken.
    t, z : int, optional
        Its place in a stack, where there is more than one.
    time : int
        The point in time of an OME-Zarr.
    well, field : str
        Of a plate.
    own : str
        What of its title is its own, and not its stack's.
    size : tuple of int
        Points in time and planes of the stack it belongs to.
    """

    address: str
    title: str
    pages: tuple[int, ...] = (0,)
    t: int | None = None
    z: int | None = None
    time: int = 0
    well: str = ""
    field: str = ""
    own: str = ""
    size: tuple[int, int] = (1, 1)

    @property
    def of_stack(self) -> bool:
        """Whether it is one of several planes of its file."""
        return self.t is not None or self.z is not None

    def open(self, settings: Settings, channels: Sequence[str] = ()) -> Pyramid:
        """Open it without reading its pixels.

        Raises
        ------
        ImageError
            If it cannot be read, or is larger than allowed.
        """
        if is_zarr(self.address):
            return ZarrImage(self.address, self.time, self.pages, channels)
        if channels:
            raise ImageError(f"{Path(self.address).name} does not name its channels; take them by number, --channels.")
        return _File(self, settings)


def find_planes(paths: Sequence[str], which: str = ONE, page: int = 0) -> list[Plane]:
    """Return what is to be predicted of images: of stacks one plane, each plane, or the maximum over all depths.

    Parameters
    ----------
    paths : sequence of str
        Files, and folders or addresses of OME-Zarr.
    which : str
        ``one``, ``all`` or ``max``.
    page : int
        With ``one``, the page of files of several; of an OME-Zarr the depth.
    """
    if which not in CHOICES:
        raise ConfigError(f"“{which}” is none of {', '.join(CHOICES)}.")
    return [plane for path in paths for plane in _planes_of(path, which, page)]


def _planes_of(path: str, which: str, page: int) -> Iterator[Plane]:
    if is_zarr(path):
        for field in open_fields(path):
            name = Path(path).stem + (f"_{field.well}_{field.field}" if field.well else "")
            plane = Plane(field.address, name, (page,), well=field.well, field=field.field)
            if which == ONE:
                yield plane
                continue
            try:
                image = ZarrImage(field.address)
            except ImageError:  # predicting it says why
                yield plane
                continue
            yield from _expanded(plane, which, image.count("t"), image.count("z"), None)
        return
    plane = Plane(path, Path(path).stem, (page,))
    try:
        places = [(0, 0)] if which == ONE else stack_places(path)
    except ImageError:  # predicting it says why
        places = [(0, 0)]
    if len(places) == 1:
        yield plane
        return
    t, z = (1 + max(place[axis] for place in places) for axis in (0, 1))
    yield from _expanded(plane, which, t, z, {place: number for number, place in enumerate(places)})


def _expanded(plane: Plane, which: str, times: int, depths: int, pages: dict | None) -> Iterator[Plane]:
    for t in range(times):
        moved = dataclasses.replace(plane, time=t, t=t if times > 1 else None)
        numbers = [pages[t, z] if pages else z for z in range(depths)]
        shown = f"_t{t:03d}" if times > 1 else ""
        if which == MAX:
            yield dataclasses.replace(
                moved, title=plane.title + shown, own=shown, pages=tuple(numbers), size=(times, 1)
            )
            continue
        for z, number in enumerate(numbers):
            own = shown + (f"_z{z:03d}" if depths > 1 else "")
            depth = z if depths > 1 else None
            yield dataclasses.replace(
                moved, title=plane.title + own, own=own, pages=(number,), z=depth, size=(times, depths)
            )


def stack_places(path: str) -> list[tuple[int, int]]:
    """Return the point in time and the depth of each page of a file, from 0; where nothing is said, pages are depths.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    count = count_pages(path)
    alone = [(0, number) for number in range(count)]
    if count == 1:
        return alone
    try:
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            found, stored = page_order(tiff, len(tiff.pages)), len(tiff.pages)
            if tiff.is_svs:
                return [(0, 0)]
    except Exception:  # damaged notes on good pages
        return alone
    if found is None:
        return alone
    axes, order = found
    places = dict.fromkeys(range(count), (0, 0))
    together = np.moveaxis(order, axes.index("C"), -1)
    others = axes.replace("C", "")
    for number, index in enumerate(np.ndindex(together.shape[:-1])):
        place = index[others.index("T")], index[others.index("Z")]
        for page in together[index] if stored == count else [number]:
            places[int(page)] = place
    # Channels that stay pages of their own would share a place.
    return list(places.values()) if len(set(places.values())) == count else alone


class _File:
    """An image file, perhaps with smaller copies of its image inside; see ``unet.io.pyramid``."""

    def __init__(self, plane: Plane, settings: Settings):
        self._plane, self._settings = plane, settings
        self._path = Path(plane.address)
        self._most = max(MOST_IN_PARTS, settings.max_image_megapixels)
        sizes = level_sizes(self._path, page=plane.pages[0], max_megapixels=self._most)
        known = read_pixel_size(self._path)
        levels = []
        for number, (height, width) in enumerate(sizes[:1] if len(plane.pages) > 1 else sizes):
            factor = math.sqrt(sizes[0][0] * sizes[0][1] / (height * width))
            size = PixelSize(known.x * factor, known.y * factor) if known else None
            levels.append(Level(str(number), height, width, factor, size))
        self.levels = tuple(levels)

    def look(self, level: int) -> np.ndarray:
        region = middle_of(self.levels[level].height, self.levels[level].width)
        return read_window(self._path, region, page=self._plane.pages[0], level=level, max_megapixels=self._most)

    def read(self, level: int, folder: Path) -> np.ndarray:
        image = self._page(self._plane.pages[0], folder, level)
        for page in self._plane.pages[1:]:
            other = self._page(page, folder, level)
            if other.shape != image.shape or other.dtype != image.dtype:
                raise ImageError(f"{self._path.name} has planes of several sizes; take one with --page.")
            for rows in row_blocks(image.shape):
                np.maximum(image[rows], other[rows], out=image[rows])
                release_pages(image)
                release_pages(other)
        return image

    def _page(self, page: int, folder: Path, level: int) -> np.ndarray:
        most = self._settings.max_image_megapixels
        return map_image(self._path, folder, page=page, max_megapixels=most, max_in_parts=self._most, level=level)
