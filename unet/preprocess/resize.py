"""Bringing images, masks and maps to the depth, channels and size that are wanted."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from PIL import Image

from unet.memmap import subsample

# Left, upper, right and lower edge, in pixels and parts of them.
Box = tuple[float, float, float, float]

DIM = 128  # of 255: the 99.9th percentile of an image in which the eye finds little
LEAST_CONTRAST = 32  # grey levels: noise around black is not made to fill the picture


@dataclass(frozen=True)
class Range:
    """The stored values of an image that become 0 and 255; ``high`` is None where they stay as they are."""

    low: float = 0.0
    high: float | None = None

    @classmethod
    def of(cls, image: np.ndarray) -> Range:
        """Measure an image for a network; of more than ``LARGE_PIXELS`` every n-th pixel of every n-th row.

        8-bit images stay as they are. Others are stretched so that their minimum becomes 0 and their 99.9th percentile
        255: cameras put 12 bits into 16-bit files, and dividing by 257 would leave next to nothing to see. NaN and
        infinities count as 0; a constant image becomes 0.
        """
        if image.dtype == np.uint8:
            return cls()
        values = _finite(subsample(image))
        low, high = _darkest_and_brightest(values)
        return cls(low, high if high > low else float(values.max()))

    @classmethod
    def to_look_at(cls, image: np.ndarray) -> Range:
        """Measure an image for the eye: an 8-bit image is stretched too where it is dim, at most eightfold."""
        if image.dtype != np.uint8:
            return cls.of(image)
        low, high = _darkest_and_brightest(subsample(image))
        return cls(low, max(high, low + LEAST_CONTRAST)) if low < high < DIM else cls()

    def __call__(self, part: np.ndarray) -> np.ndarray:
        """Bring the image or a part of it to 8 bits."""
        if self.high is None:
            return part
        if self.high <= self.low:
            return np.zeros(part.shape, np.uint8)
        return np.rint(np.clip((_finite(part) - self.low) * (255 / (self.high - self.low)), 0, 255)).astype(np.uint8)


def _darkest_and_brightest(values: np.ndarray) -> tuple[float, float]:
    return float(values.min()), float(np.percentile(values, 99.9))


def _finite(image: np.ndarray) -> np.ndarray:
    return np.nan_to_num(image.astype(np.float32), posinf=0.0, neginf=0.0)


def to_channels(image: np.ndarray, channels: int) -> np.ndarray:
    """Bring an 8-bit image to the channels that a network sees.

    Parameters
    ----------
    image : (height, width) or (height, width, any) uint8
    channels : int
        1 or 3.

    Returns
    -------
    (height, width, channels) uint8
        Grey is repeated, colour becomes its luma (ITU-R 601), of more than three channels the first three are taken,
        and a third one that is missing stays empty.
    """
    image = image[..., None] if image.ndim == 2 else image
    if image.shape[2] == 2:
        image = np.concatenate([image, np.zeros_like(image[..., :1])], axis=2)
    image = image[..., :3]
    if image.shape[2] == channels:
        return image
    if channels == 3:
        return np.repeat(image, 3, axis=2)
    return np.asarray(Image.fromarray(np.ascontiguousarray(image)).convert("L"))[..., None]


def resize_image(image: np.ndarray, size: tuple[int, int], box: Box | None = None) -> np.ndarray:
    """Resize an image (height, width, channels) uint8, or a box of it, to a height and width, without aliasing."""
    picture = Image.fromarray(np.ascontiguousarray(image[..., 0] if image.shape[2] == 1 else image))
    resized = picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized).reshape(*size, image.shape[2])


def resize_mask(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask (height, width) bool: a pixel is foreground where at least half of its area was.

    An interpolated mask above 0 would make every nucleus fatter.
    """
    picture = Image.fromarray(mask.astype(np.uint8) * 255)
    return np.asarray(picture.resize(size[::-1], Image.Resampling.BOX)) >= 128


def resize_classes(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a mask of class indices (height, width) uint8 by nearest neighbour."""
    picture = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(picture.resize(size[::-1], Image.Resampling.NEAREST))


def resize_labels(labels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Resize a label map (height, width) of any integers by nearest neighbour."""
    rows, columns = (
        np.minimum((np.arange(new) + 0.5) * old / new, old - 1).astype(int)
        for new, old in zip(size, labels.shape, strict=True)
    )
    return labels[np.ix_(rows, columns)]


def resize_probability(probability: np.ndarray, size: tuple[int, int], box: Box | None = None) -> np.ndarray:
    """Resize a probability map (height, width) float32, or a box of it, bilinearly; values stay between 0 and 1."""
    picture = Image.fromarray(np.ascontiguousarray(probability, np.float32))
    return np.clip(np.asarray(picture.resize(size[::-1], Image.Resampling.BILINEAR, box=box)), 0, 1)


def rows_behind(old: tuple[int, int], new: tuple[int, int], rows: slice) -> tuple[slice, Box]:
    """Return which rows are needed to resize to some rows of a result, and of them the box to be resized.

    So an image that is too large for memory is resized some rows at a time, with the same result.

    Parameters
    ----------
    old, new : (height, width)
    rows : slice
        Of the result.
    """
    scale = old[0] / new[0]
    top, bottom = rows.start * scale, rows.stop * scale
    reach = math.ceil(max(scale, 1)) + 1  # of the bilinear filter, which widens where it shrinks
    first, last = max(0, math.floor(top) - reach), min(old[0], math.ceil(bottom) + reach)
    return slice(first, last), (0.0, max(0.0, top - first), float(old[1]), min(bottom - first, last - first))
