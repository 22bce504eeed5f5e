"""The objects of a prediction that is worked on tile by tile, put together into one numbering.

Each tile is seen with an overlap all around, and decides what lies in its middle. An object across a seam is found by
both sides: since the later tile sees what the earlier one decided in the overlap, it tells which of its objects is
which of the earlier one's. So an object gets the same pixels as if the whole image had been seen at once, if it is
smaller than the overlap. What is larger is one object as well, but where it is divided may depend on the tiles.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unet.memmap import folder_of, new_map, release_pages
from unet.prediction.maps import Prediction
from unet.prediction.objects import areas_of
from unet.prediction.tiles import regions, within

# Pixels: nuclei are up to 100 across at the highest magnifications, and smoothing reaches 4 further.
OVERLAP = 256
# Height and width of a tile with its overlap: the watershed of 2048 x 2048 pixels takes some 300 MB.
TILE = 2048


def stitched(
    prediction: Prediction,
    find: Callable[[Prediction], np.ndarray],
    share: float,
    progress: Callable[[int, int], None] | None = None,
    *,
    tile: int = TILE,
    overlap: int = OVERLAP,
) -> tuple[np.ndarray, np.ndarray]:
    """Find objects tile by tile.

    Parameters
    ----------
    prediction : Prediction
    find : callable
        From a part of the prediction to its label map.
    share : float
        Objects of two tiles are the same if they have more than this share of the smaller one in common.
    progress : callable, optional
        Takes the number of tiles done and their total; what it raises ends the work.
    tile, overlap : int
        Pixels.

    Returns
    -------
    labels : (height, width) uint32
        Numbers of parts of objects, from 1; mapped, if the prediction is mapped.
    numbers : (parts + 1,) integer
        The object of each part, from 1; 0 is background.
    """
    labels = new_map(prediction.shape, np.uint32, folder_of(prediction.levels))
    tiles = list(regions(prediction.shape, tile, overlap, 1))
    parts, pairs = 0, []
    for done, (outer, inner) in enumerate(tiles, start=1):
        found = find(prediction.crop(*outer))
        for map_ in prediction.maps():
            release_pages(map_)
        middle = found[within(inner, outer)]
        decided = areas_of(middle, int(found.max(initial=0))) > 0
        decided[0] = False
        numbers = np.where(decided, parts + np.cumsum(decided), 0).astype(np.uint32)
        pairs.append(_same(labels[outer], found, numbers, share))
        labels[inner] = numbers[middle]
        release_pages(labels)
        parts += int(decided.sum())
        if progress:
            progress(done, len(tiles))
    one, other = np.concatenate(pairs, axis=1)
    links = coo_array((np.ones(len(one), bool), (one, other)), shape=(parts + 1, parts + 1))
    return labels, connected_components(links, directed=False)[1]


def _same(earlier: np.ndarray, found: np.ndarray, numbers: np.ndarray, share: float) -> np.ndarray:
    """Return pairs (2, n) of numbers of parts that are one object; the first of each is an earlier tile's."""
    both = (earlier > 0) & (numbers[found] > 0)
    if not both.any():
        return np.zeros((2, 0), np.int64)
    old, at = np.unique(earlier[both], return_inverse=True)
    pairs, common = np.unique(at * len(numbers) + found[both], return_counts=True)
    at, new = pairs // len(numbers), pairs % len(numbers)
    old_areas = np.bincount(np.searchsorted(old, earlier[np.isin(earlier, old)]), minlength=len(old))
    new_areas = areas_of(found, len(numbers) - 1)
    same = common > share * np.minimum(old_areas[at], new_areas[new])
    return np.stack([old[at[same]], numbers[new[same]]]).astype(np.int64)
