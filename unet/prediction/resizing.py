"""Images and maps resized a few rows at a time: large ones need not be in memory."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from unet.memmap import new_map, release_pages, row_blocks
from unet.prediction.maps import Prediction
from unet.preprocess.resize import Box, resize_image, resize_probability, rows_behind

Size = tuple[int, int]


def resize_normalized(
    image: np.ndarray, normalizer: Callable[[np.ndarray], np.ndarray], size: Size, folder: Path | None
) -> np.ndarray:
    """Return what the network sees of an image, (height, width, channels) uint8, at another size.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth, perhaps mapped.
    normalizer : callable
        From a part of the image to what the network sees of it.
    size : (height, width)
    folder : Path, optional
        As for ``new_map``.
    """
    channels = normalizer(image[:1, :1]).shape[2]
    result = new_map((*size, channels), np.uint8, folder)
    # Strips of the larger of both sizes, so that neither takes much memory.
    for rows in row_blocks((size[0], max(size[1], image.shape[0] * image.shape[1] // size[0]))):
        seen, box = rows_behind(image.shape[:2], size, rows)
        result[rows] = resize_image(normalizer(image[seen]), (rows.stop - rows.start, size[1]), box)
        release_pages(image)
        release_pages(result)
    return result


def resize_prediction(prediction: Prediction, size: Size, folder: Path | None) -> Prediction:
    """Return a prediction of one class at another height and width."""
    result = prediction.each(lambda map_: new_map(size, map_.dtype, folder))
    for rows in row_blocks(size):
        seen, box = rows_behind(prediction.shape, size, rows)
        part, height = prediction.crop(seen, slice(None)), rows.stop - rows.start
        mask, border, distance = (
            None if map_ is None else resize_probability(map_, (height, size[1]), box) for map_ in _floats(part)
        )
        assert mask is not None  # every prediction has a probability map
        result.put(rows, slice(None), Prediction.of(mask, None, border, distance))
    return result


def average(prediction: Prediction, other: Prediction) -> None:
    """Make the maps of a prediction of one class the mean of its own and of those of another one, of any size."""
    for rows in row_blocks(prediction.shape):
        seen, box = rows_behind(other.shape, prediction.shape, rows)
        part, size = other.crop(seen, slice(None)), (rows.stop - rows.start, prediction.shape[1])
        mine = prediction.crop(rows, slice(None))
        means = (
            None if map_ is None or own is None else (own + resize_probability(map_, size, box)) / 2
            for own, map_ in zip(_floats(mine), _floats(part), strict=True)
        )
        mask, border, distance = means
        assert mask is not None  # every prediction has a probability map
        prediction.put(rows, slice(None), Prediction.of(mask, None, border, distance))


def _floats(prediction: Prediction) -> tuple[np.ndarray | None, ...]:
    return prediction.probability, prediction.border, prediction.distance


def prediction_at_size(maps: np.ndarray, size: Size, folder: Path | None) -> Prediction:
    """Return a network's maps (height, width, classes) float32 as a prediction at another height and width."""
    classes = None if maps.shape[-1] == 1 else new_map(size, np.uint8, folder)
    result = Prediction(new_map(size, np.uint16, folder), classes)
    for rows in row_blocks(size):
        seen, box = rows_behind(maps.shape[:2], size, rows)
        result.put(rows, slice(None), _resized(maps[seen], (rows.stop - rows.start, size[1]), box))
    return result


def _resized(maps: np.ndarray, size: Size, box: Box) -> Prediction:
    """One class at a time, to spare memory."""
    if maps.shape[-1] == 1:
        return Prediction.of(resize_probability(maps[..., 0], size, box))
    best = resize_probability(maps[..., 1], size, box)
    classes = np.ones(size, np.uint8)
    for index in range(2, maps.shape[-1]):
        other = resize_probability(maps[..., index], size, box)
        better = other > best
        best[better], classes[better] = other[better], index
    return Prediction.of(resize_probability(1 - maps[..., 0], size, box), classes)
