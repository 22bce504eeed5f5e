"""What a user may do to an image before a model sees it: choose its channels, turn its contrast round, scale it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unet.errors import ImageError
from unet.options import Section, option

# The scaled image may have no more pixels than this: enlarging is for small nuclei, not for filling memory.
MAX_PIXELS = 64_000_000


@dataclass(frozen=True)
class ImageAdjustments(Section):
    """How an image is brought to the model, beyond what the model asks for itself."""

    channels: tuple[int, ...] = option(
        (),
        "Channels given to the model, from 0; those that an image lacks are left out. None: chosen by what they show.",
        low=0,
        high=4095,
    )
    invert: bool = option(False, "Invert the contrast: what was dark becomes bright for the model.")
    scale: float = option(
        1.0, "Scale the image for the model; what it finds is scaled back. Above 1 for small nuclei.", low=0.1, high=8.0
    )
    fit: bool = option(
        True,
        "Look at the size of nuclei first: where they are larger than any that the model learned, predict at a scale "
        "that makes them usual ones; where they are not small, take the mean with a prediction at half the size. No "
        "effect where another scale than 1 is set.",
    )


def choose_channels(image: np.ndarray, channels: tuple[int, ...], *, name: str = "The image") -> np.ndarray:
    """Return the chosen channels of an image, at most the first three of them.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
    channels : tuple of int
        From 0; empty for the first three. What an image does not have is left out; grey images have no choice.
    name : str
        What messages call it.

    Returns
    -------
    (height, width) or (height, width, 2 or 3)
        A view where nothing has to be copied.

    Raises
    ------
    ImageError
        If it has none of them.
    """
    if image.ndim == 2:
        return image
    there = [channel for channel in channels or (0, 1, 2) if channel < image.shape[2]][:3]
    if not there:
        raise ImageError(
            f"{name} has {image.shape[2]} channels, 0 to {image.shape[2] - 1}; choose from these, "
            f"not {', '.join(map(str, channels))}."
        )
    first, last = there[0], there[-1]
    in_a_row = there == list(range(first, last + 1))
    chosen = image[..., first : last + 1] if in_a_row else image[..., there]
    return chosen[..., 0] if chosen.shape[2] == 1 else chosen


def scaled_size(height: int, width: int, scale: float, *, name: str = "The image") -> tuple[int, int]:
    """Return the height and width of a scaled image.

    Raises
    ------
    ImageError
        If it would be too large.
    """
    size = max(1, round(height * scale)), max(1, round(width * scale))
    if scale > 1 and size[0] * size[1] > MAX_PIXELS:
        raise ImageError(
            f"{name} would have {size[1]:,} x {size[0]:,} pixels at {scale:g} times its size; "
            f"at most {MAX_PIXELS // 1_000_000} million are predicted so. Choose a smaller scale, or crop it."
        )
    return size
