"""The label maps of a stack's planes as one file."""

from __future__ import annotations

import math
import uuid
from pathlib import Path

import numpy as np
import tifffile

from unet.errors import ImageError
from unet.io.pixel_size import PixelSize
from unet.memmap import new_map, release_pages

# Bytes that a TIFF of 32-bit offsets has room for, less what the notes take.
MOST_CLASSIC = 2**32 - 2**25


class LabelStack:
    """Collects the label maps of points in time and depths, on disk where they are large.

    Parameters
    ----------
    counts : tuple of int
        Points in time and depths.
    size : tuple of int
        Height and width.
    folder : Path
        As for ``new_map``.
    """

    def __init__(self, counts: tuple[int, int], size: tuple[int, int], folder: Path):
        self._shape = (*counts, *size)
        self._rows = new_map((math.prod(self._shape[:3]), size[1]), np.uint32, folder)

    def put(self, labels: np.ndarray, t: int, z: int) -> None:
        """Take the label map (height, width) of a plane.

        Raises
        ------
        ImageError
            If it is of another size.
        """
        if labels.shape != self._shape[2:]:
            ours, first_one = (f"{width} x {height}" for height, width in (labels.shape, self._shape[2:]))
            raise ImageError(f"This plane has {ours} pixels, the first one {first_one}; the label stack lacks it.")
        first = (t * self._shape[1] + z) * self._shape[2]
        self._rows[first : first + self._shape[2]] = labels
        release_pages(self._rows)

    def write(self, path: Path, size: PixelSize | None, title: str) -> None:
        """Write all planes as OME-TIFF with the axes T, Z, Y and X, compressed without loss; missing ones are empty."""
        height = self._shape[2]
        largest = max(int(self._rows[top : top + height].max()) for top in range(0, len(self._rows), height))
        dtype = np.dtype(np.uint16 if largest < 2**16 else np.uint32)
        planes = (self._rows[top : top + height].astype(dtype) for top in range(0, len(self._rows), height))
        # By its title: the same results make the same file.
        metadata: dict[str, object] = {"axes": "TZYX", "UUID": str(uuid.uuid5(uuid.NAMESPACE_OID, title))}
        if size:
            metadata |= {"PhysicalSizeX": size.x, "PhysicalSizeY": size.y}
        tifffile.imwrite(
            path,
            planes,
            shape=self._shape,
            dtype=dtype,
            ome=True,
            bigtiff=self._rows.nbytes > MOST_CLASSIC,
            compression="zlib",
            photometric="minisblack",
            metadata=metadata,
        )
