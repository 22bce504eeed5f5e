"""Bringing images of any depth, contrast and polarity to one range: nuclei bright, the background dark."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unet.config import ModelConfig
from unet.memmap import subsample
from unet.preprocess.background import COLOURED, HIGH, LOW, LUMA, is_bright
from unet.preprocess.channels import ChannelChoice, channels_seen
from unet.preprocess.resize import Range, to_channels

# Between them float32 holds sums and differences of values, and the factor that stretches a range of them.
SMALL, LARGE = 1e-30, 1e30


def normalize(image: np.ndarray, model: ModelConfig) -> np.ndarray:
    """Turn an image of any depth into what the network sees, (height, width, channels) uint8."""
    return make_normalizer(image, model)(image)


def make_normalizer(
    image: np.ndarray, model: ModelConfig, invert: bool = False, choice: ChannelChoice | None = None
) -> Callable[[np.ndarray], np.ndarray]:
    """Return what turns the image, or a part of it, into what the network sees, (height, width, channels) uint8.

    The range of values is that of the whole image, so that its parts fit together. ``invert`` inverts the result;
    ``choice`` says which channels are seen, by default those of ``channels_seen``.
    """
    choice = choice or channels_seen(image, model)
    view = choice.take(subsample(image))
    scale = Normalizer.of(view) if model.intensity == "percentiles" else Range.of(view)

    def normalizer(part: np.ndarray) -> np.ndarray:
        values = to_channels(scale(choice.take(part)), model.channels)
        return 255 - values if invert else values

    return normalizer


@dataclass(frozen=True)
class Normalizer:
    """From an image's 1st to its 99.8th percentile, inverted where the background is bright.

    The percentiles are those of the luma (ITU-R 601), the same for all channels, so that colours stay. Those of an
    image of more than ``LARGE_PIXELS`` are taken from every n-th pixel of every n-th row, at least a quarter of
    ``LARGE_PIXELS`` of them: as long as the image has no pattern of that very period, what is taken for the 50th
    percentile lies between the 49.9th and the 50.1th (four standard errors), and the others are closer still.

    Attributes
    ----------
    low, high : float
        Stored values that become 0 and 255; where ``high`` is not above ``low``, everything becomes 0.
    invert : bool
    """

    low: float
    high: float
    invert: bool

    @classmethod
    def of(cls, image: np.ndarray) -> Normalizer:
        """Measure an image (height, width) or (height, width, channels); NaN and infinities count as 0."""
        luma = _luma(_three_channels(subsample(image)))
        low, high = np.percentile(luma, [LOW, HIGH])
        if high <= low:
            low, high = float(luma.min()), float(luma.max())
        return cls(float(low), float(high), is_bright(luma))

    def __call__(self, part: np.ndarray) -> np.ndarray:
        """Normalise the image or a part of it; returns (height, width, 3) uint8, as ``normalize_percentiles`` does."""
        if self.high <= self.low:
            return np.zeros((*part.shape[:2], 3), np.uint8)
        colour = _three_channels(part)
        # In place: the image of a large mosaic is in memory once.
        colour -= self.low
        colour *= 255 / (self.high - self.low)
        np.clip(colour, 0, 255, out=colour)
        result = np.rint(colour, out=colour).astype(np.uint8)
        if self.invert:
            result = 255 - result
        return result if result.shape[2] == 3 else np.repeat(result, 3, axis=2)


def normalize_percentiles(image: np.ndarray) -> np.ndarray:
    """Normalise an image from its 1st to its 99.8th percentile, and invert it where the background is bright.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth; NaN and infinities count as 0.

    Returns
    -------
    (height, width, 3) uint8
        Grey is repeated, a missing third channel is empty, of more than three the first three are taken. All 0 where
        the image is constant.
    """
    return Normalizer.of(image)(image)


def kind_of(image: np.ndarray) -> str:
    """Classify a micrograph by what can be measured.

    Returns
    -------
    str
        ``dark`` or ``bright`` background, ``-coloured`` after it where the channels differ.
    """
    colour = _three_channels(image)
    bright = is_bright(_luma(colour))
    spread = float(np.abs(colour - colour.mean(axis=2, keepdims=True)).mean())
    return ("bright" if bright else "dark") + ("-coloured" if spread > COLOURED else "")


def _luma(colour: np.ndarray) -> np.ndarray:
    return colour @ LUMA if colour.shape[2] == 3 else colour[..., 0]


def _three_channels(image: np.ndarray) -> np.ndarray:
    """Return a copy (height, width, 1 or 3), finite: float32, or float64 where that could not count with the values."""
    image = image[..., None] if image.ndim == 2 else image[..., :3]
    if image.shape[2] == 2:
        image = np.concatenate([image, np.zeros_like(image[..., :1])], axis=2)
    colour = np.nan_to_num(image.astype(np.float32), copy=False, posinf=0.0, neginf=0.0)
    if image.dtype.kind == "f" and colour.size and not SMALL < max(-colour.min(), colour.max()) < LARGE:
        return colour.astype(np.float64)
    return colour
