"""Reading any image or mask, never trusting the file."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from unet.errors import ImageError
from unet.io.bounds import Refused, check_size
from unet.io.budget import DECODING
from unet.io.decode import Decoder, Source, open_image
from unet.io.vendor import SUFFIXES
from unet.memmap import LARGE_PIXELS, Region, new_map, release_pages
from unet.settings import Settings

# Those of microscope makers are taken so that it can be said what to do with them.
IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", *SUFFIXES}
# A pixel's label map, mask and intermediate results.
WORK_BYTES = 16
MAX_MEGAPIXELS = Settings.max_image_megapixels


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
        uint8, uint16 or float32, whichever holds the stored values. Alpha is dropped, palettes are resolved, CMYK
        becomes RGB, one bit becomes 0 and 255. A TIFF may have any number of channels, all others have none or 3.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    with _opened(source, name, max_megapixels) as image, DECODING.claim(image.memory(page)):
        return narrow_image(image.read(page, mask=False))


def map_image(
    source: Source,
    folder: Path,
    *,
    name: str | None = None,
    page: int = 0,
    max_megapixels: int = MAX_MEGAPIXELS,
    max_in_parts: int = 0,
    level: int = 0,
) -> np.ndarray:
    """Read an image as ``read_image`` does, but one of more than ``LARGE_PIXELS`` into a file that is then mapped.

    Of a TIFF only a strip or tile is in memory at a time, unless the file is turned, planar or of unusual colours;
    any other file is decoded at once.

    Parameters
    ----------
    folder : Path
        Where that file is made; its room is free again once nobody holds the image.
    max_in_parts : int
        Megapixels up to which a TIFF is accepted of which only a part is in memory at a time.
    level : int
        Of a TIFF that holds smaller copies of its image, which of them; 0 is the image itself.

    Raises
    ------
    ImageError
        If it cannot be read, is larger than allowed, or the disk has no room for it.
    """
    with _opened(source, name, max(max_megapixels, max_in_parts)) as image:
        if level:
            image, page = image.at_level(page, level), 0
        size = image.size(page)
        if not image.in_parts(page):
            check_size(size, max_megapixels)
        mapped: np.ndarray | None = None
        with DECODING.claim(image.memory(page)):
            if size[0] * size[1] <= LARGE_PIXELS:
                return narrow_image(image.read(page, mask=False))
            for region, part in image.parts(page):
                part = narrow_image(part)
                if mapped is None:
                    mapped = new_map((*size, *part.shape[2:]), part.dtype, folder)
                mapped[region] = part
                release_pages(mapped)
        assert mapped is not None  # an image has at least one part
        return mapped


def level_sizes(source: Source, *, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS) -> list[tuple[int, int]]:
    """Return height and width of an image and of the smaller copies of it that a TIFF may hold, the largest first.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    with _opened(source, None, max_megapixels) as image:
        return image.level_sizes(page)


def read_window(source: Source, region: Region, *, page: int = 0, level: int = 0, max_megapixels: int) -> np.ndarray:
    """Read a part of an image of which ``level_sizes`` tells several sizes, as ``read_image`` gives it.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    with _opened(source, None, max_megapixels) as image:
        chosen, page = (image.at_level(page, level), 0) if level else (image, page)
        return narrow_image(chosen.window(page, region))


def read_mask(
    source: Source, *, name: str | None = None, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS
) -> np.ndarray:
    """Read a mask or label map: the values as they are stored, palette indices included; NaN counts as 0.

    Returns
    -------
    (height, width) of an integer type

    Raises
    ------
    ImageError
        If it cannot be read, is coloured, or holds fractions.
    """
    with _opened(source, name, max_megapixels, "The mask") as image, DECODING.claim(image.memory(page)):
        array = image.read(page, mask=True)
        if array.ndim == 3:
            if not (array == array[..., :1]).all():
                raise Refused("is coloured; a mask needs one value a pixel. Save it as grey or as a palette")
            array = array[..., 0]
        if array.dtype.kind == "f":
            array = _whole(array)
        return array.astype(np.uint8) if array.dtype == bool else array


def image_size(
    source: Source, *, name: str | None = None, page: int = 0, max_megapixels: int = MAX_MEGAPIXELS
) -> tuple[int, int]:
    """Return height and width, those of ``read_image``, without decoding.

    Raises
    ------
    ImageError
        If it cannot be read, or is larger than allowed.
    """
    with _opened(source, name, max_megapixels) as image:
        return image.size(page)


@contextmanager
def room_to_work_on(source: Source, *, max_megapixels: int = MAX_MEGAPIXELS) -> Iterator[None]:
    """Hold the memory that it takes to read an image and its masks and to work on them, until the block ends.

    Whatever cannot be read takes none: reading it then says why.
    """
    with DECODING.claim(memory_to_work_on(source, max_megapixels=max_megapixels)):
        yield


def memory_to_work_on(source: Source, *, max_megapixels: int = MAX_MEGAPIXELS) -> int:
    """Return about how many bytes it takes to read an image and its masks and to work on them."""
    try:
        with _opened(source, None, max_megapixels) as image:
            height, width = image.size(0)
            return image.memory(0) + WORK_BYTES * height * width
    except ImageError:
        return 0


def count_pages(source: Source, *, name: str | None = None) -> int:
    """Return the number of pages of a TIFF; any other image has one.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    with _opened(source, name, MAX_MEGAPIXELS) as image:
        return image.pages


def narrow_image(array: np.ndarray) -> np.ndarray:
    """Return the values as uint8, uint16 or float32; one bit as 0 and 255."""
    if array.dtype == bool:
        array = array.astype(np.uint8) * np.uint8(255)
    if array.dtype not in (np.uint8, np.uint16):
        with np.errstate(over="ignore"):  # beyond float32 is as good as infinite
            array = array.astype(np.float32)
    return array


def _whole(array: np.ndarray) -> np.ndarray:
    values = np.nan_to_num(array, posinf=0.5, neginf=0.5)  # an infinity is not a whole number either
    if not (values == np.rint(values)).all() or np.abs(values).max() >= 2**53:
        raise Refused("holds fractions; a mask needs whole numbers")
    return values.astype(np.int64)


@contextmanager
def _opened(source: Source, name: str | None, max_megapixels: int, kind: str = "The image") -> Iterator[Decoder]:
    """Open an image; whatever goes wrong until it is closed becomes an ImageError that names it."""
    shown = name or (Path(source).name if isinstance(source, str | Path) else kind)
    try:
        with open_image(source, max_megapixels) as image:
            yield image
    except ImageError:
        raise
    except Refused as reason:
        raise ImageError(f"{shown} {reason}.") from None
    except FileNotFoundError:
        raise ImageError(f"{shown} does not exist.") from None
    except MemoryError:
        raise ImageError(f"{shown} needs more memory than there is.") from None
    except Exception as error:  # The libraries raise nearly anything on a damaged file.
        if isinstance(error, OSError) and error.errno:
            raise ImageError(f"{shown} cannot be read: {error.strerror}.") from error
        raise ImageError(f"{shown} is damaged, or of a kind that is not read; save it as PNG or plain TIFF.") from error
