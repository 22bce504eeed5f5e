"""From the bytes of an image file to its pixels, upright. What the first bytes say counts, not the name."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Protocol

import imagecodecs
import numpy as np
from PIL import BmpImagePlugin, Image, JpegImagePlugin, PngImagePlugin

from unet.io.bounds import Refused, check_size
from unet.io.embedded import PNG, jpeg_frames
from unet.io.tiff import TIFF_SIGNATURES, open_tiff
from unet.io.upright import ORIENTATION, turn_upright
from unet.io.vendor import refuse_vendor
from unet.memmap import WHOLE, Region

Source = Path | str | bytes | BinaryIO

# The readers themselves, not Image.open: that has a bound of its own on pixels, one for the whole process.
READERS = {
    PNG: PngImagePlugin.PngImageFile,
    b"\xff\xd8\xff": JpegImagePlugin.JpegImageFile,
    b"BM": BmpImagePlugin.BmpImageFile,
}
# Bit depth and colour type. imagecodecs is the faster on these, and Pillow would give 16-bit colour as 8-bit.
PNG_PLAIN = ((8, 0), (8, 2), (8, 6), (16, 0))
PNG_16_BIT = ((16, 2), (16, 4), (16, 6))
# Bytes a pixel while Pillow decodes: four of its own, as many of a conversion, three of the result.
PILLOW_BYTES = 12
# Where a PNG says that it is to be turned; and transparency, which would add a channel.
PNG_MORE = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tRNS")


class Decoder(Protocol):
    """An image file that is open."""

    @property
    def pages(self) -> int: ...

    def size(self, number: int) -> tuple[int, int]:
        """Return the height and width of a page, upright, found acceptable."""

    def read(self, number: int, *, mask: bool) -> np.ndarray:
        """Decode a page: (height, width) or (height, width, channels), alpha left out. Masks keep stored values."""

    def memory(self, number: int) -> int:
        """Return about how many bytes it takes to decode a page."""

    def parts(self, number: int) -> Iterator[tuple[Region, np.ndarray]]:
        """Decode a page in parts, as ``read`` gives them; where the file does not allow it, in one."""

    def in_parts(self, number: int) -> bool:
        """Tell whether the file allows it."""

    def level_sizes(self, number: int) -> list[tuple[int, int]]:
        """Return height and width of a page and of the smaller copies of it that the file holds, the largest first."""

    def at_level(self, number: int, level: int) -> Decoder:
        """Return one of these as an image of its own, whose only page it is."""

    def window(self, number: int, region: Region) -> np.ndarray:
        """Decode a part of a page that has smaller copies, as ``read`` gives it."""


@contextmanager
def open_image(source: Source, max_megapixels: int) -> Iterator[Decoder]:
    """Open an image without decoding it. On a damaged file, the libraries below raise nearly anything."""
    with _stream(source) as stream:
        head = stream.read(8)
        stream.seek(0)
        if not head:
            raise Refused("is empty")
        if head.startswith(TIFF_SIGNATURES):
            with open_tiff(stream, max_megapixels) as tiff:
                yield tiff
            return
        for signature, reader in READERS.items():
            if head.startswith(signature):
                yield _OnePicture(stream.read(), reader, max_megapixels)
                return
        refuse_vendor(head)
        raise Refused("is not a PNG, JPEG, BMP or TIFF image")


@contextmanager
def _stream(source: Source) -> Iterator[BinaryIO]:
    if isinstance(source, str | Path):
        with Path(source).open("rb") as stream:
            yield stream
    elif isinstance(source, bytes):
        yield io.BytesIO(source)
    else:
        if source.seekable():
            source.seek(0)  # uploads are read more than once
        yield io.BytesIO(source.read())


class _OnePicture:
    """A PNG, JPEG or BMP."""

    pages = 1

    def __init__(self, data: bytes, reader: Callable[[BinaryIO], Image.Image], max_megapixels: int):
        self._data = data
        self._reader = reader
        self._max_megapixels = max_megapixels
        self._kind = struct.unpack_from(">BB", data, 24) if reader is READERS[PNG] and data[12:16] == b"IHDR" else None
        self._plain = self._kind in PNG_PLAIN and not any(chunk in data for chunk in PNG_MORE)

    def size(self, number: int) -> tuple[int, int]:
        if number:
            raise Refused(f"has one page, number 0; there is no page {number}")
        if self._plain:
            width, height = struct.unpack_from(">II", self._data, 16)
            return check_size((height, width), self._max_megapixels)
        if self._reader is JpegImagePlugin.JpegImageFile:
            jpeg_frames(self._data)  # and see that its scans are not too many
        with self._open() as picture:
            size = check_size((picture.height, picture.width), self._max_megapixels)
            return size[::-1] if _orientation(picture) >= 5 else size

    def read(self, number: int, *, mask: bool) -> np.ndarray:
        self.size(number)
        if self._plain:
            return _without_alpha(imagecodecs.png_decode(self._data))
        with self._open() as picture:
            orientation = _orientation(picture)
            deep = self._kind in PNG_16_BIT
            array = imagecodecs.png_decode(self._data) if deep else _pixels(picture, mask)
        return turn_upright(_without_alpha(array), orientation)

    def memory(self, number: int) -> int:
        height, width = self.size(number)
        depth, colour = self._kind or (8, 2)
        own = depth // 8 * {0: 1, 2: 3, 4: 4, 6: 8}.get(colour, 1)  # twice where alpha is left out afterwards
        return height * width * (own if self._plain else max(own, PILLOW_BYTES)) + len(self._data)

    def parts(self, number: int) -> Iterator[tuple[Region, np.ndarray]]:
        yield WHOLE, self.read(number, mask=False)

    def in_parts(self, number: int) -> bool:
        return False

    def level_sizes(self, number: int) -> list[tuple[int, int]]:
        return [self.size(number)]

    def at_level(self, number: int, level: int) -> Decoder:
        return self

    def window(self, number: int, region: Region) -> np.ndarray:
        return self.read(number, mask=False)[region]

    def _open(self) -> Image.Image:
        return self._reader(io.BytesIO(self._data))


def _pixels(picture: Image.Image, mask: bool) -> np.ndarray:
    kept = ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F")
    if picture.mode not in kept and not (mask and picture.mode == "P"):
        if picture.mode == "P":  # half the memory of letting Pillow do it
            return _palette(picture)[np.asarray(picture)]
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    # Pillow widens 16-bit grey in some files.
    return array.astype(np.uint16) if picture.mode == "I" and array.min() >= 0 and array.max() < 2**16 else array


def _palette(picture: Image.Image) -> np.ndarray:
    """Return the 256 colours of a palette, (256, 3) uint8; those that it lacks are black."""
    colours = np.frombuffer(bytes(picture.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
    return np.concatenate([colours, np.zeros((256 - len(colours), 3), np.uint8)])


def _without_alpha(array: np.ndarray) -> np.ndarray:
    if array.ndim == 3 and array.shape[2] in (2, 4):
        array = array[..., :-1]
    return array[..., 0] if array.ndim == 3 and array.shape[2] == 1 else array


def _orientation(picture: Image.Image) -> int:
    try:
        return int(picture.getexif().get(ORIENTATION, 1))
    except Exception:  # Damaged notes in a good image: it stays as it lies.
        return 1
