"""Crops at native resolution: drawn at random to learn from, fixed ones to validate on."""

from __future__ import annotations

import numpy as np
from PIL import Image

from unet.config import TrainingConfig
from unet.training.inputs.full_size import NativeSamples

# Of this many places drawn in an image, the one with the most touching nuclei is taken.
PLACES = 3

Box = tuple[float, float, float, float]


def draw_crops(
    samples: NativeSamples,
    indices: np.ndarray,
    count: int,
    size: tuple[int, int],
    config: TrainingConfig,
    random: np.random.Generator,
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
    """
    chosen = random.choice(indices, size=count, p=_chances(samples, indices, config.balance))
    return [(int(index), _draw_box(samples, int(index), size, config.scale, random)) for index in chosen]


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
    samples: NativeSamples, index: int, size: tuple[int, int], scale: float, random: np.random.Generator
) -> Box:
    height, width = samples.sizes[index]
    factor = scale ** random.uniform(-1, 1)
    # Where the image is smaller than the box it is enlarged, its proportions kept.
    factor = max(factor, size[0] / height, size[1] / width)
    high, wide = size[0] / factor, size[1] / factor
    free = max(0.0, width - wide), max(0.0, height - high)  # rounding may leave less than nothing
    places = [(random.uniform(0, free[0]), random.uniform(0, free[1])) for _ in range(PLACES)]
    targets = samples.target(index)
    if len(places) > 1 and targets.shape[2] > 1:
        crowded = [
            int(targets[int(y) : int(y + high), int(x) : int(x + wide), 1].sum(dtype=np.int64)) for x, y in places
        ]
        places = [places[int(np.argmax(crowded))]]
    left, top = places[0]
    return left, top, min(left + wide, width), min(top + high, height)


def fixed_crops(samples: NativeSamples, indices: np.ndarray, size: tuple[int, int]) -> list[tuple[int, Box]]:
    """Return crops that are always the same: the middle of each image, and the corners of large ones."""
    crops = []
    for index in indices:
        height, width = samples.sizes[index]
        factor = max(1.0, size[0] / height, size[1] / width)
        high, wide = size[0] / factor, size[1] / factor
        places = {(0.5, 0.5)}
        if height * width >= 4 * size[0] * size[1]:
            places = {(0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0)}
        for across, down in sorted(places):
            left, top = across * (width - wide), down * (height - high)
            crops.append((int(index), (left, top, left + wide, top + high)))
    return crops


def cut(samples: NativeSamples, index: int, box: Box, size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Cut a box out of a sample and bring it to a size.

    Returns
    -------
    image : (height, width, channels) uint8
    targets : (height, width, maps) uint8
        Mask and border are 0 or 255.
    """
    image, targets = (_cut(array, box, size) for array in (samples.image(index), samples.target(index)))
    targets[..., :2] = np.where(targets[..., :2] >= 128, 255, 0)
    return image, targets


def _cut(array: np.ndarray, box: Box, size: tuple[int, int]) -> np.ndarray:
    left, top, right, bottom = box
    # Only the rows and columns that count are read from disk.
    first_row, first_column = int(top), int(left)
    part = array[first_row : int(np.ceil(bottom)) + 1, first_column : int(np.ceil(right)) + 1]
    shifted = (left - first_column, top - first_row, right - first_column, bottom - first_row)
    picture = Image.fromarray(part[..., 0] if part.shape[2] == 1 else part)
    result = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=shifted)
    return np.array(result).reshape(*size, array.shape[2])
