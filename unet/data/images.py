"""Reading any image or mask, never trusting the file."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

import imagecodecs
import numpy as np
import tifffile
from PIL import Image, ImageOps

from unet.errors import ImageError
from unet.settings import Settings

IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"}
MAX_MEGAPIXELS = Settings.max_image_megapixels
# More channels than any microscope has: a file that claims them is not an image.
MAX_CHANNELS = 64
TIFF_SIGNATURES = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bit depth and colour type.
PNG_16_BIT = ((16, 2), (16, 4), (16, 6))
PNG_COLOUR = ((8, 2), (8, 6))
# Where a PNG says that it is to be turned; and transparency, which would add a channel.
PNG_TURNS = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tRNS")

Source = Path | str | bytes | BinaryIO
Result = TypeVar("Result")


def read_image(
    source: Source, *, name: str | None = None, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS
) -> np.ndarray:
    """Read an image, upright.

    Parameters
    ----------
    source : path, bytes or file object
    name : str, optional
        What messages call it.
    page : int
        Page of a multi-page TIFF, from 0.
    max_megapixels : int
        Larger images are refused before they are decoded.

    Returns
    -------
    (height, width) or (height, width, channels)
        uint8, uint16 or float32. Alpha is dropped, palettes are resolved, CMYK becomes RGB, one bit becomes 0 and 255.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    array = _read(source, name, page, max_megapixels, mask=False)
    if array.ndim == 3 and array.shape[2] in (2, 4):
        array = array[..., :-1]
    if array.ndim == 3 and array.shape[2] == 1:
        array = array[..., 0]
    if array.dtype == bool:
        return array.astype(np.uint8) * 255
    return array if array.dtype in (np.uint8, np.uint16) else array.astype(np.float32)


def read_mask(
    source: Source, *, name: str | None = None, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS
) -> np.ndarray:
    """Read a mask or label map: the values as they are stored, palette indices included.

    Returns
    -------
    (height, width) of an integer type

    Raises
    ------
    ImageError
        If it cannot be read, is coloured, or holds fractions.
    """
    array = _read(source, name, page, max_megapixels, mask=True)
    shown = name or (Path(source).name if isinstance(source, str | Path) else "The mask")
    if array.ndim == 3:
        colours = array[..., :3] if array.shape[2] >= 3 else array[..., :1]
        if not (colours == colours[..., :1]).all():
            raise ImageError(f"{shown} is coloured; a mask needs one value a pixel. Save it as grey or as a palette.")
        array = colours[..., 0]
    if array.dtype.kind == "f":
        whole = np.nan_to_num(array)
        if not (whole == np.rint(whole)).all():
            raise ImageError(f"{shown} holds fractions; a mask needs whole numbers.")
        array = whole.astype(np.int64)
    return array.astype(np.uint8) if array.dtype == bool else array


def image_size(
    source: Source, *, name: str | None = None, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS
) -> tuple[int, int]:
    """Return height and width as stored, before the EXIF turn, without decoding.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    return _open(
        source,
        name,
        max_megapixels,
        lambda data, picture: (picture.height, picture.width),
        lambda tiff: _page(tiff, page)[1],
    )


def count_pages(source: Source, *, name: str | None = None) -> int:
    """Return the number of pages of a TIFF; any other image has one.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    return _open(source, name, MAX_MEGAPIXELS, lambda data, picture: 1, lambda tiff: len(tiff.pages))


def _read(source: Source, name: str | None, page: int, max_megapixels: int, *, mask: bool) -> np.ndarray:
    def with_tiff(tiff: tifffile.TiffFile) -> np.ndarray:
        found, size = _page(tiff, page)
        _check_size(size, max_megapixels)
        return _decode_page(found)

    return _open(source, name, max_megapixels, lambda data, picture: _decode(data, picture, mask), with_tiff)


def _open(
    source: Source,
    name: str | None,
    max_megapixels: int,
    with_picture: Callable[[bytes, Image.Image], Result],
    with_tiff: Callable[[tifffile.TiffFile], Result],
) -> Result:
    """Open a file as what its first bytes say it is, whatever its name; any failure becomes an ImageError."""
    shown = name or (Path(source).name if isinstance(source, str | Path) else "The image")
    try:
        data = _bytes(source)
        if not data:
            raise _Refused("is empty")
        if data.startswith(TIFF_SIGNATURES):
            with tifffile.TiffFile(io.BytesIO(data)) as tiff:
                return with_tiff(tiff)
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG", "BMP")) as picture:
            _check_size((picture.height, picture.width), max_megapixels)
            return with_picture(data, picture)
    except _Refused as reason:
        raise ImageError(f"{shown} {reason}.") from None
    except Image.DecompressionBombError:  # Pillow's own bound, for files that claim still more
        raise ImageError(f"{shown} claims more pixels than are accepted. Crop it or make it smaller.") from None
    except FileNotFoundError:
        raise ImageError(f"{shown} does not exist.") from None
    except MemoryError:
        raise ImageError(f"{shown} needs more memory than there is.") from None
    except Exception as error:  # The libraries raise nearly anything on a damaged file.
        raise ImageError(f"{shown} is damaged, or no PNG, JPEG, BMP or TIFF image.") from error


class _Refused(Exception):
    """Why an image is refused, as the rest of a sentence."""


def _bytes(source: Source) -> bytes:
    if isinstance(source, bytes):
        return source
    return Path(source).read_bytes() if isinstance(source, str | Path) else source.read()


def _check_size(size: tuple[int, int], max_megapixels: int) -> None:
    """Refuse an image by the size that it claims, before memory is given to it."""
    height, width = size
    if height * width == 0:
        raise _Refused("has no pixels")
    if height * width > max_megapixels * 1_000_000:
        raise _Refused(
            f"has {width:,} x {height:,} pixels; more than {max_megapixels} million are not accepted. "
            "Crop it or make it smaller"
        )


def _decode(data: bytes, picture: Image.Image, mask: bool) -> np.ndarray:
    if data.startswith(PNG_SIGNATURE):
        kind = struct.unpack_from(">BB", data, 24)
        # Pillow would give 16-bit colour as 8-bit, and takes twice as long over plain 8-bit colour.
        if kind in PNG_16_BIT or (kind in PNG_COLOUR and not any(chunk in data for chunk in PNG_TURNS)):
            return imagecodecs.png_decode(data)
    picture = ImageOps.exif_transpose(picture)
    if not mask and picture.mode not in ("1", "L", "LA", "RGB", "RGBA", "I;16", "I;16B", "I", "F"):
        picture = picture.convert("RGB")
    array = np.asarray(picture)
    # Pillow widens 16-bit grey in some files.
    return array.astype(np.uint16) if picture.mode == "I" and array.min() >= 0 and array.max() < 2**16 else array


def _page(tiff: tifffile.TiffFile, number: int) -> tuple[tifffile.TiffPage, tuple[int, int]]:
    if not 0 <= number < len(tiff.pages):
        raise _Refused(f"has {len(tiff.pages)} pages, counted from 0; there is no page {number}")
    page = tiff.pages[number]
    return page, (page.imagelength, page.imagewidth)


def _decode_page(page: tifffile.TiffPage) -> np.ndarray:
    if page.samplesperpixel > MAX_CHANNELS or page.imagedepth > 1:
        raise _Refused(
            f"has {page.samplesperpixel} channels and {page.imagedepth} layers a page; that is no image here"
        )
    array = page.asarray()
    if page.axes.startswith("S"):
        array = np.moveaxis(array, 0, -1)
    if page.photometric == tifffile.PHOTOMETRIC.PALETTE:
        return array
    if page.photometric == tifffile.PHOTOMETRIC.MINISWHITE and array.dtype.kind in "bu":
        return ~array
    return array
