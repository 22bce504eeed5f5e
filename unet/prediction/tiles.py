"""Images larger than the network can take at once: overlapping tiles; only the sure part of each is kept.

The overlap-tile strategy of Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015: a tile brings with it all that can
change its middle, so that the parts fit together without a seam and nothing has to be blended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from unet.config import ModelConfig
from unet.memmap import Region, release_pages
from unet.models.network import reach, tile_size


def predict_tiled(
    network: Callable[[np.ndarray], np.ndarray],
    image: np.ndarray,
    config: ModelConfig,
    tile: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Iterator[tuple[Region, np.ndarray]]:
    """Predict an image of any size, part by part.

    Parameters
    ----------
    network : callable
        From a part of the image with multiples of ``2 ** depth`` as sizes to (height, width, maps).
    image : (height, width) or (height, width, channels)
        Perhaps mapped; of it only a tile is in memory.
    config : ModelConfig
    tile : int, optional
        Greatest height and width that the network is given, its surroundings included; by default ``tile_size``.
    progress : callable, optional
        Takes the number of tiles done and their total; what it raises ends the work.

    Yields
    ------
    region : pair of slices
        Rows and columns; together the regions are the image.
    maps : (height, width, maps)
        Of the region; the same as in one pass, whatever the tile.
    """
    step, (height, width) = 2**config.depth, image.shape[:2]
    padded = (height + -height % step, width + -width % step)
    tiles = list(regions(padded, tile or tile_size(config), reach(config), step))
    for done, (outer, inner) in enumerate(tiles, start=1):
        maps = network(_window(image, outer))
        rows, columns = inner
        region = slice(rows.start, min(rows.stop, height)), slice(columns.start, min(columns.stop, width))
        yield region, maps[within(region, outer)]
        if progress:
            progress(done, len(tiles))


def _window(image: np.ndarray, region: Region) -> np.ndarray:
    """Return a copy of a region, mirrored where it goes beyond the image."""
    there = image[region]
    beyond = [(0, part.stop - part.start - length) for part, length in zip(region, there.shape, strict=False)]
    window = np.pad(there, [*beyond, (0, 0)][: image.ndim], mode="symmetric")
    release_pages(image)
    return window


def within(region: Region, outer: Region) -> Region:
    """Return where a region lies inside another, counted from the corner of that."""
    (rows, columns), (top, left) = region, (outer[0].start, outer[1].start)
    return slice(rows.start - top, rows.stop - top), slice(columns.start - left, columns.stop - left)


def regions(size: tuple[int, int], tile: int, halo: int, step: int) -> Iterator[tuple[Region, Region]]:
    """Divide an image: yield what a tile sees and, inside it, what it decides; together the latter are the image.

    Tiles begin at multiples of ``step``, so that all of them pool the same pixels.
    """
    rows, columns = (list(_spans(length, tile, halo, step)) for length in size)
    for outer_row, inner_row in rows:
        for outer_column, inner_column in columns:
            yield (outer_row, outer_column), (inner_row, inner_column)


def _spans(length: int, tile: int, halo: int, step: int) -> Iterator[tuple[slice, slice]]:
    if length <= tile:
        yield slice(0, length), slice(0, length)
        return
    core = (tile - 2 * halo) // step * step
    # As many tiles as it takes, all of nearly one size: a last sliver would cost as much as a tile.
    core = -(-length // -(-length // core) // step) * step
    for start in range(0, length, core):
        end = min(start + core, length)
        yield slice(max(0, start - halo), min(length, end + halo)), slice(start, end)
