"""TIFF, in which an image can be stored in more ways than in all other formats together."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import BinaryIO

import numpy as np
import tifffile
from PIL import TiffImagePlugin
from tifffile import COMPRESSION, PHOTOMETRIC

from unet.io import guarded
from unet.io.bounds import Refused, check_size
from unet.io.embedded import check_fits, jpeg_frames, png_frames
from unet.io.ome import page_order
from unet.io.tiff_levels import has_zarr, smaller_pages
from unet.io.tiff_values import as_shown, without_alpha
from unet.io.upright import ORIENTATION, turn_upright
from unet.memmap import WHOLE, Region, release_pages, row_blocks

TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# More channels than any microscope has: a file that claims them is not an image.
MAX_CHANNELS = 64
# Of the largest image accepted: RGB of 16 bits takes 6, two channels of float32 take 8.
MAX_BYTES_A_PIXEL = 8
# A part of a large image is decoded in memory.
MAX_PART = 2**28
JPEG = (COMPRESSION.JPEG, COMPRESSION.OJPEG, COMPRESSION.JPEG_2000_LOSSY)
# Packings of which no more is unpacked than the strip or tile has room for; and those which are pictures with a header
# of their own, that is looked at first. All others are decoded in a process with limits.
BOUNDED = (
    COMPRESSION.NONE,
    COMPRESSION.LZW,
    COMPRESSION.ADOBE_DEFLATE,
    COMPRESSION.DEFLATE,
    COMPRESSION.PACKBITS,
    COMPRESSION.ZSTD,
)
PICTURES: dict[int, Callable[[bytes], list[tuple[int, int]]]] = {
    COMPRESSION.JPEG: jpeg_frames,
    COMPRESSION.PNG: png_frames,
}

# What is wrong with a damaged file is said in an error; its log would be printed otherwise.
logging.getLogger("tifffile").addHandler(logging.NullHandler())


@contextmanager
def open_tiff(stream: BinaryIO, max_megapixels: int) -> Iterator[TiffDecoder]:
    """Open a TIFF without decoding it."""
    with tifffile.TiffFile(stream, _multifile=False) as tiff:  # whatever it says of other files, none is opened
        yield TiffDecoder(tiff, stream, max_megapixels)


class TiffDecoder:
    """The pages of an open TIFF."""

    def __init__(
        self,
        tiff: tifffile.TiffFile,
        stream: BinaryIO,
        max_megapixels: int,
        level: tifffile.TiffPage | None = None,
    ):
        self._tiff = tiff
        self._stream = stream
        self._max_megapixels = max_megapixels
        self._level = level
        self._places = [[0]] if level else _channels_together(tiff)

    @property
    def pages(self) -> int:
        """How many images there are: the channels that a microscope has put into pages of their own are one image."""
        return len(self._places)

    def size(self, number: int) -> tuple[int, int]:
        """Return the height and width of a page, upright, found acceptable."""
        page = self._page(number)
        size = check_size((page.imagelength, page.imagewidth), self._max_megapixels)
        return size[::-1] if _orientation(page) >= 5 else size

    def read(self, number: int, *, mask: bool) -> np.ndarray:
        """Decode a page: (height, width) or (height, width, channels), alpha left out. Masks keep stored values."""
        self._page(number)
        places = self._places[number]
        if len(places) == 1:
            return self.read_place(places[0], mask=mask)
        self.size(number)
        channels = [self.read_place(place, mask=mask) for place in places]
        if any(channel.ndim > 2 or channel.shape != channels[0].shape for channel in channels):
            raise Refused("has channels that do not fit together; save each as an image of its own")
        return np.stack(channels, axis=-1)

    def read_place(self, place: int, *, mask: bool) -> np.ndarray:
        """Decode one page of the file, as ``read`` does."""
        page = self._checked(place)
        if not _is_bounded(page) and not guarded.inside:
            return guarded.read_page(
                self._stream, place, mask=mask, max_megapixels=self._max_megapixels, memory=_memory_under_guard(page)
            )
        if _needs_conversion(page):
            return self._convert(place)
        array = page.asarray(maxworkers=1 if guarded.inside else None)
        if page.axes.startswith("S"):
            array = np.moveaxis(array, 0, -1)
        array = without_alpha(array, page)
        return turn_upright(array if mask else as_shown(array, page), _orientation(page))

    def memory(self, number: int) -> int:
        """Return about how many bytes it takes to decode a page."""
        page = self._page(number)
        height, width = self.size(number)
        return len(self._places[number]) * 2 * max(page.nbytes, height * width)

    def parts(self, number: int) -> Iterator[tuple[Region, np.ndarray]]:
        """Decode a page strip by strip or tile by tile; what is turned, planar or of unusual colours at once."""
        self._page(number)
        places = self._places[number]
        page = self._checked(places[0])
        if not self.in_parts(number):
            yield WHOLE, self.read(number, mask=False)
            return
        for region, part in _rows(page) if page.is_memmappable else _segments(page):
            yield region, as_shown(without_alpha(part, page), page)

    def in_parts(self, number: int) -> bool:
        """Tell whether ``parts`` gives more than one, none of them large."""
        page = self._page(number)
        if len(self._places[number]) > 1 or page.dtype is None or not _is_bounded(page):
            return False
        small = int(np.prod(page.chunks, dtype=object)) * page.dtype.itemsize <= MAX_PART or page.is_memmappable
        return small and _orientation(page) == 1 and not page.axes.startswith("S")

    def level_sizes(self, number: int) -> list[tuple[int, int]]:
        """Return height and width of a page and of the smaller copies that slide scanners and OME-TIFF keep of it."""
        levels = self._levels(number)
        return [self.size(number)] if len(levels) == 1 else [(each.imagelength, each.imagewidth) for each in levels]

    def window(self, number: int, region: Region) -> np.ndarray:
        """Decode a part of a page whose parts can be decoded alone; of its tiles only those that it takes."""
        import zarr

        page = self._checked(self._places[number][0])
        part = np.asarray(zarr.open_array(page.aszarr(maxworkers=1), mode="r")[region])
        return as_shown(without_alpha(part, page), page)

    def at_level(self, number: int, level: int) -> TiffDecoder:
        """Return a level of a page as an image of its own, whose only page it is."""
        chosen = self._levels(number)[level]
        return TiffDecoder(self._tiff, self._stream, self._max_megapixels, chosen) if level else self

    def _levels(self, number: int) -> list[tifffile.TiffPage]:
        page = self._page(number)
        return [page, *(smaller_pages(self._tiff, page) if self.in_parts(number) and has_zarr() else ())]

    def _checked(self, place: int) -> tifffile.TiffPage:
        page = self._at(place)
        check_size((page.imagelength, page.imagewidth), self._max_megapixels)
        self._check_memory(page)
        self._check_whole(page)
        self._check_pictures(page)
        if page.dtype is None or page.dtype.kind not in "buif":
            raise Refused(f"holds values of the kind {page.dtype}; that is no image here")
        return page

    def _page(self, number: int) -> tifffile.TiffPage:
        if not 0 <= number < self.pages:
            raise Refused(f"has {self.pages} pages, counted from 0; there is no page {number}")
        return self._at(self._places[number][0])

    def _at(self, place: int) -> tifffile.TiffPage:
        page = self._level or self._tiff.pages.get(place, aspage=True)
        assert isinstance(page, tifffile.TiffPage)  # what aspage asks for
        return page

    def _check_memory(self, page: tifffile.TiffPage) -> None:
        """Refuse a page of a small file that claims many channels, or tiles far larger than itself."""
        if page.samplesperpixel > MAX_CHANNELS or page.imagedepth > 1:
            raise Refused(
                f"has {page.samplesperpixel} channels and {page.imagedepth} layers a page; that is no image here"
            )
        if page.dtype is None:
            raise Refused(f"holds values of {page.bitspersample} bits; save it with 8 or 16")
        together = len(self._places[0])  # as many for each image
        size = together * max(page.nbytes, int(np.prod(page.chunks, dtype=object)) * page.dtype.itemsize)
        if size > self._max_megapixels * 1_000_000 * MAX_BYTES_A_PIXEL:
            raise Refused(f"takes {size / 2**30:,.1f} GB of memory; that is too much. Crop it or make it smaller")

    def _check_whole(self, page: tifffile.TiffPage) -> None:
        """Refuse a page with missing strips or tiles: tifffile would read them as blank."""
        parts = int(np.prod(page.chunked, dtype=object))
        missing = not page.is_contiguous and len(page.dataoffsets) < parts
        if page.compression == COMPRESSION.NONE and page.photometric != PHOTOMETRIC.YCBCR:  # that may be subsampled
            values = parts * int(np.prod(page.chunks, dtype=object)) if page.is_tiled else page.size
            end = self._tiff.filehandle.size
            ranges = zip(page.dataoffsets, page.databytecounts, strict=False)
            there = sum(min(count, max(end - start, 0)) for start, count in ranges)
            missing = missing or there < values * page.bitspersample // 8
        if missing:
            raise Refused("is cut short or damaged; copy or download it again")

    def _check_pictures(self, page: tifffile.TiffPage) -> None:
        """Refuse a page whose strips or tiles are pictures that claim to be larger than these."""
        frames_of = PICTURES.get(page.compression)
        if frames_of is None or not _is_bounded(page):
            return
        tall, wide = page.chunks[-3:-1] if len(page.chunks) > 2 and not page.axes.startswith("S") else page.chunks[-2:]
        # Tables come apart from the streams, but a frame among them would be decoded too.
        if page.jpegtables and jpeg_frames(page.jpegtables):
            raise Refused("has a picture where tables belong; such files are refused")
        for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False):
            if count:
                self._tiff.filehandle.seek(offset)
                check_fits(frames_of(self._tiff.filehandle.read(count)), (tall, wide))

    def _convert(self, number: int) -> np.ndarray:
        """Let Pillow turn what is neither grey nor RGB into RGB, upright."""
        self._stream.seek(0)
        picture = TiffImagePlugin.TiffImageFile(self._stream)
        picture.seek(number)
        picture.load()  # and turns it
        if picture.mode == "LAB":
            raise Refused("has its colours as Lab; save it as RGB")
        return np.asarray(picture.convert("RGB"))


def _rows(page: tifffile.TiffPage) -> Iterator[tuple[Region, np.ndarray]]:
    """Read a page that lies in its file as it is, some rows at a time."""
    stored = np.dtype(page.dtype).newbyteorder(page.parent.byteorder)
    array = page.parent.filehandle.memmap_array(stored, page.shape, page.dataoffsets[0])
    for rows in row_blocks(array.shape):
        yield (rows, slice(None)), array[rows].astype(page.dtype)
        release_pages(array)


def _segments(page: tifffile.TiffPage) -> Iterator[tuple[Region, np.ndarray]]:
    """Decode the strips or tiles of a page one after the other."""
    for segment, (_, _, top, left, _), (_, height, width, channels) in page.segments(maxworkers=1):
        height, width = min(height, page.imagelength - top), min(width, page.imagewidth - left)
        if segment is None:  # left out on purpose: such a file says what is there instead
            part = np.full((height, width, channels), page.nodata, page.dtype)
        else:
            part = segment[0, :height, :width]
        yield (slice(top, top + height), slice(left, left + width)), part[..., 0] if channels == 1 else part


def _channels_together(tiff: tifffile.TiffFile) -> list[list[int]]:
    """Return which pages of the file make up each image: one, or the channels where ImageJ or OME-XML say so."""
    alone = [[place] for place in range(len(tiff.pages))]
    try:
        found = page_order(tiff, len(alone)) if len(alone) > 1 else None
    except Exception:  # Damaged notes on good pages: each is an image.
        return alone
    if found is None or tiff.pages.get(0, aspage=True).ndim != 2:
        return alone
    axes, order = found
    channels = order.shape[axes.index("C")]
    if not 1 < channels <= MAX_CHANNELS:
        return alone
    return np.moveaxis(order, axes.index("C"), -1).reshape(-1, channels).tolist()


def _is_bounded(page: tifffile.TiffPage) -> bool:
    """Tell whether decoding a page takes no more memory and time than its size says, once it is checked."""
    return (
        (page.compression in BOUNDED or page.compression in PICTURES)
        and not _needs_conversion(page)
        and not page.parent.is_ndpi
    )


def _memory_under_guard(page: tifffile.TiffPage) -> int:
    """Return what decoding a page honestly takes: its tiles as 32-bit numbers, itself, and a copy as RGB."""
    tile = int(np.prod(page.chunks, dtype=object)) * np.dtype(page.dtype).itemsize
    return guarded.ROOM + 8 * tile + 3 * page.nbytes + 12 * page.imagelength * page.imagewidth


def _orientation(page: tifffile.TiffPage) -> int:
    value = page.tags.valueof(ORIENTATION, 1)
    return value if isinstance(value, int) else 1


def _needs_conversion(page: tifffile.TiffPage) -> bool:
    if page.photometric == PHOTOMETRIC.YCBCR:
        return page.compression not in JPEG  # tifffile gives RGB out of JPEG
    return page.photometric in (PHOTOMETRIC.SEPARATED, PHOTOMETRIC.CIELAB, PHOTOMETRIC.ICCLAB, PHOTOMETRIC.ITULAB)
