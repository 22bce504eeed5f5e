"""Images larger than the network can take at once: overlapping tiles, of which only what is sure is kept.

The overlap-tile strategy of Ronneberger, Fischer and Brox, "U-Net", MICCAI 2015: a tile brings with it all that can
change its middle, so that the parts fit together without a seam and nothing has to be blended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from unet.config import ModelConfig
from unet.model.network import reach, tile_size

Region = tuple[slice, slice]


def predict_tiled(
    network: Callable[[np.ndarray], np.ndarray], image: np.ndarray, config: ModelConfig, tile: int | None = None
) -> np.ndarray:
    """Predict an image of any size.

    Parameters
    ----------
    network : callable
        From (height, width, channels) uint8 with multiples of ``2 ** depth`` as sizes to (height, width, maps).
    image : (height, width, channels) uint8
    config : ModelConfig
    tile : int, optional
        Greatest height and width that the network is given, its surroundings included; by default ``tile_size``.

    Returns
    -------
    (height, width, maps) float32
        The same as in one pass, whatever the tile.
    """
    step, (height, width) = 2**config.depth, image.shape[:2]
    padded = np.pad(image, [(0, -height % step), (0, -width % step), (0, 0)], mode="symmetric")
    maps = np.empty((height, width, config.maps), np.float32)
    for outer, inner in regions(padded.shape[:2], tile or tile_size(config), reach(config), step):
        part = network(padded[outer])
        top, left = inner[0].start - outer[0].start, inner[1].start - outer[1].start
        target = maps[inner]
        target[:] = part[top : top + target.shape[0], left : left + target.shape[1]]
    return maps


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
