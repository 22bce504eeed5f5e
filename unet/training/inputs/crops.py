"""Crops at native resolution: drawn at random to learn from, fixed ones to validate on."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np
from PIL import Image

from unet.config import TrainingConfig
from unet.datasets.samples import Box as Rectangle
from unet.training.inputs.full_size import NativeSamples

# Of this many places drawn in an image, the one with the most touching nuclei is taken.
PLACES = 3
AS_THEY_ARE: Mapping[int, float] = MappingProxyType({})

Box = tuple[float, float, float, float]


def draw_crops(
    samples: NativeSamples,
    indices: np.ndarray,
    count: int,
    size: tuple[int, int],
    config: TrainingConfig,
    random: np.random.Generator,
    scales: Mapping[int, float] = AS_THEY_ARE,
) -> list[tuple[int, Box]]:
    """Draw crops: which sample, and the box (left, top, right, bottom) that is brought to ``size``.

    Parameters
    ----------
    samples : NativeSamples
    indices : array of int
        The samples to draw from.
    count : int
    size : (height, width)
        Of the crops.
    config : TrainingConfig
        ``scale`` and ``balance`` count.
    random : numpy.random.Generator
    scales : mapping
        From a sample to the scale at which it is learned; 1 if it is not there.
    """
    chosen = random.choice(indices, size=count, p=_chances(samples, indices, config.balance))
    return [
        (index, _draw_box(samples, index, size, scales.get(index, 1.0) * config.scale ** random.uniform(-1, 1), random))
        for index in chosen.tolist()
    ]


def _chances(samples: NativeSamples, indices: np.ndarray, balance: float) -> np.ndarray:
    """Return each sample's chance: larger images show more, rare kinds are drawn more often."""
    kinds = np.array([samples.kinds[index] for index in indices])
    areas = np.array([np.prod(samples.sizes[index]) for index in indices], float)
    chances = np.sqrt(areas) / np.sqrt(areas).sum()
    for kind in set(kinds):
        member = kinds == kind
        chances[member] *= chances[member].sum() ** -balance
    return chances / chances.sum()


def _draw_box(
    samples: NativeSamples, index: int, size: tuple[int, int], factor: float, random: np.random.Generator
) -> Box:
    height, width = samples.sizes[index]
    # Where the image is smaller than the box it is enlarged, its proportions kept.
    factor = max(factor, size[0] / height, size[1] / width)
    high, wide = size[0] / factor, size[1] / factor
    free = max(0.0, width - wide), max(0.0, height - high)  # rounding may leave less than nothing
    places = [(random.uniform(0, free[0]), random.uniform(0, free[1])) for _ in range(PLACES)]
    if finished := samples.rectangles(index):
        places = [_place_on(finished[random.integers(len(finished))], (wide, high), free, random)]
    targets = samples.target(index)
    if len(places) > 1 and targets.shape[2] > 1:
        crowded = [
            int(targets[int(y) : int(y + high), int(x) : int(x + wide), 1].sum(dtype=np.int64)) for x, y in places
        ]
        places = [places[int(np.argmax(crowded))]]
    left, top = places[0]
    return left, top, min(left + wide, width), min(top + high, height)


def _place_on(
    rectangle: Rectangle, side: tuple[float, float], free: tuple[float, float], random: np.random.Generator
) -> tuple[float, float]:
    """Return left and top of a box whose middle lies in a rectangle, as far as the image allows."""
    starts, stops = rectangle[:2], rectangle[2:]
    middles = (random.uniform(*ends) for ends in zip(starts, stops, strict=True))
    left, top = (min(max(0.0, at - s / 2), most) for at, s, most in zip(middles, side, free, strict=True))
    return left, top


def fixed_crops(
    samples: NativeSamples,
    indices: np.ndarray,
    size: tuple[int, int],
    scales: Mapping[int, float] = AS_THEY_ARE,
) -> list[tuple[int, Box]]:
    """Return crops that are always the same: the middle of each image, and the corners of large ones.

    Of an image that is finished in part, they lie around the middles of its rectangles. ``scales`` as for
    ``draw_crops``.
    """
    crops = []
    for index in indices:
        height, width = samples.sizes[index]
        factor = max(scales.get(int(index), 1.0), size[0] / height, size[1] / width)
        high, wide = size[0] / factor, size[1] / factor
        places = {(0.5, 0.5)}
        if finished := samples.rectangles(index):
            places = {_around(rectangle, (wide, high), (width, height)) for rectangle in finished}
        elif height * width >= 4 * high * wide:
            places = {(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)}
        for across, down in sorted(places):
            left, top = across * (width - wide), down * (height - high)
            crops.append((int(index), (left, top, left + wide, top + high)))
    return crops


def _around(rectangle: Rectangle, side: tuple[float, float], whole: tuple[int, int]) -> tuple[float, float]:
    """Return which share of the room around a box lies left of it and above, if it is to be around a rectangle."""
    across, down = (
        min(1.0, max(0.0, ((start + stop) / 2 - own / 2) / (all_of_it - own))) if all_of_it > own else 0.5
        for start, stop, own, all_of_it in zip(rectangle[:2], rectangle[2:], side, whole, strict=True)
    )
    return across, down


def cut(
    samples: NativeSamples, index: int, box: Box, size: tuple[int, int], *, partly: bool = False
) -> tuple[np.ndarray, np.ndarray]:
    """Cut a box out of a sample and resize it.

    With ``partly``, one channel more of the targets says where they are known: 255, elsewhere 0.

    Returns
    -------
    image : (height, width, channels) uint8
    targets : (height, width, maps) uint8
        Mask and border are 0 or 255.
    """
    image, targets = (_cut(array, box, size) for array in (samples.image(index), samples.target(index)))
    targets[..., :2] = np.where(targets[..., :2] >= 128, 255, 0)
    if partly:
        targets = np.concatenate([targets, _known(samples.rectangles(index), box, size)[..., None]], axis=2)
    return image, targets


def _known(finished: Sequence[Rectangle], box: Box, size: tuple[int, int]) -> np.ndarray:
    """Return where a crop is labelled, (height, width) uint8: pixels of which any part lies beyond are not."""
    if not finished:
        return np.full(size, 255, np.uint8)
    inside = np.zeros(size, np.uint8)
    left, top, right, bottom = box
    across, down = size[1] / (right - left), size[0] / (bottom - top)
    for first_x, first_y, last_x, last_y in finished:
        columns = slice(max(0, math.ceil((first_x - left) * across)), max(0, math.floor((last_x - left) * across)))
        rows = slice(max(0, math.ceil((first_y - top) * down)), max(0, math.floor((last_y - top) * down)))
        inside[rows, columns] = 255
    return inside


def _cut(array: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    left, top, right, bottom = box
    # Only the rows and columns that count are read from disk.
    first_row, first_column = int(top), int(left)
    part = array[first_row : int(np.ceil(bottom)) + 1, first_column : int(np.ceil(right)) + 1]
    shifted = (left - first_column, top - first_row, right - first_column, bottom - first_row)
    picture = Image.fromarray(part[..., 0] if part.shape[2] == 1 else part)
    result = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=shifted)
    return np.array(result).reshape(*size, array.shape[2])
