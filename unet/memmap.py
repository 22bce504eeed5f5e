"""Arrays that are larger than memory should hold: kept in files without a name; only what is used is read."""

from __future__ import annotations

import math
import mmap
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from unet.errors import ImageError
from unet.files import own_prefix

Region = tuple[slice, slice]
WHOLE: Region = (slice(None), slice(None))

# Images and maps with more pixels are kept on disk and worked on in parts: 4096 x 4096.
LARGE_PIXELS = 2**24
# What is done with all pixels of such an image in turn is done with so many at a time.
BLOCK_PIXELS = 2**22


def new_map(shape: tuple[int, ...], dtype: np.typing.DTypeLike, folder: Path | None) -> np.ndarray:
    """Make an array of zeros: in memory, or in a file where the first two dimensions are more than LARGE_PIXELS.

    Parameters
    ----------
    shape : tuple of int
        Height, width and perhaps channels.
    dtype : data type
    folder : Path, optional
        Where the file is made. It has no name there and its room is free again once nobody holds the array, or the
        process ends in whatever way. Without a folder the array is in memory.

    Raises
    ------
    ImageError
        If the disk has no room for it.
    """
    if folder is None or shape[0] * shape[1] <= LARGE_PIXELS:
        return np.zeros(shape, dtype)
    size = math.prod(shape) * np.dtype(dtype).itemsize
    folder.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=own_prefix(), dir=folder)
    try:
        # Claimed now: a mapped file that meets a full disk later would kill the process.
        os.posix_fallocate(handle, 0, size) if hasattr(os, "posix_fallocate") else os.truncate(handle, size)
        return np.memmap(name, dtype, "r+", shape=shape)
    except OSError as error:
        raise ImageError(
            f"So large an image needs {size / 1e6:,.0f} MB in {folder}, and the disk has no room for it; "
            "free some, or crop the image."
        ) from error
    finally:
        os.close(handle)
        Path(name).unlink()


def folder_of(array: np.ndarray) -> Path | None:
    """Return the folder in which a mapped array was made; None for one in memory."""
    name = getattr(array, "filename", None)
    return None if name is None else Path(name).parent


def row_blocks(shape: tuple[int, ...]) -> Iterator[slice]:
    """Divide an array into rows that take little memory: all of it where it is small."""
    step = max(1, BLOCK_PIXELS // max(1, shape[1]))
    for start in range(0, shape[0], step):
        yield slice(start, min(start + step, shape[0]))


def is_mapped(array: np.ndarray) -> bool:
    """Tell whether an array, or what it is a view of, lies in a file."""
    return _mapping(array) is not None


def release_pages(array: np.ndarray) -> None:
    """Give back the memory of a mapped array; what is used again is read again. Arrays in memory stay."""
    mapping = _mapping(array)
    if mapping is not None and hasattr(mmap, "MADV_DONTNEED"):
        mapping.madvise(mmap.MADV_DONTNEED)


def _mapping(array: np.ndarray) -> mmap.mmap | None:
    owner: Any = array
    mode = None
    while isinstance(owner, np.ndarray):
        mode = owner.mode if isinstance(owner, np.memmap) else mode
        owner = owner.base
    # Of a copy on write (mode "c") the memory holds what no file has.
    return owner if isinstance(owner, mmap.mmap) and mode in ("r", "r+", "w+") else None


def subsample(image: np.ndarray, most: int = LARGE_PIXELS) -> np.ndarray:
    """Return every n-th pixel of every n-th row, so that there are at most ``most``; all of a smaller image."""
    if image.ndim < 2 or image.size <= most:
        return image
    step = 1
    while -(-image.shape[0] // step) * -(-image.shape[1] // step) > most:
        step += 1
    if step == 1:
        return image
    rows = []
    for row in range(0, image.shape[0], step):
        rows.append(image[row, ::step].copy())
        release_pages(image)
    return np.stack(rows)


def downscale_mean(image: np.ndarray, longest: int) -> np.ndarray:
    """Make an image or map smaller by a whole factor, each pixel the mean of a square, a few rows at a time.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Perhaps mapped; of it only a strip is in memory.
    longest : int
        Neither height nor width of the result is larger.

    Returns
    -------
    array of the same type
        The image itself where it is small enough.
    """
    factor = -(-max(image.shape[:2]) // longest)
    if factor <= 1:
        return image
    columns = np.arange(0, image.shape[1], factor)
    widths = np.diff(np.append(columns, image.shape[1])).reshape(-1, *[1] * (image.ndim - 2))
    small = []
    for top in range(0, image.shape[0], factor):
        strip = image[top : top + factor]
        # Sums first, of few rows: float64 holds those of any depth exactly.
        means = np.add.reduceat(strip.sum(axis=0, dtype=np.float64), columns, axis=0) / (widths * len(strip))
        small.append((np.rint(means) if image.dtype.kind in "ui" else means).astype(image.dtype))
        release_pages(image)
    return np.stack(small)
