"""Which channels of an image a network is given: all of a stained section, of fluorescence the one that shows nuclei.

Microscopes save a dye's light in its colour, DAPI blue and GFP green, and several dyes as several channels. What
nuclei look like does not depend on the colour that a file gives them. So a dark image of one hue is seen as grey, and
where channels show different things, that one is taken which has the most rounded, evenly filled objects.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage
from skimage.filters import threshold_otsu

from unet.config import ModelConfig
from unet.memmap import downscale_mean, subsample
from unet.preprocess.adjust import choose_channels
from unet.preprocess.background import HIGH, LOW, LUMA, is_bright

COLOURS = ("red", "green", "blue")
# Of a larger image a view of this height and width is looked at, so that it is quick.
LOOKED_AT = 512
MOST_PIXELS = 2**22
# A channel shows nothing whose range, from the 1st to the 99.8th percentile, is less than this many times its noise; or
# in 8 bits fewer levels, or a smaller share of the strongest channel's range: so much of it a JPEG leaves behind.
SIGNAL, LEVELS, LEFT_BEHIND = 4.0, 8, 0.1
# Of 255 levels, by which grey channels never differ where they differ most.
SAME = 8
# Channels that go up and down together, by their correlation, show the same in one hue.
ALIKE = 0.9
# Where white light comes through, no channel is darker than this share of the brightest one.
WHITE = 0.4
# Objects with fewer pixels are noise; those with many more count in full.
FEWEST_PIXELS, USUAL_PIXELS = 12, 60


@dataclass(frozen=True)
class ChannelChoice:
    """Which channels a network is given of an image, and why.

    Attributes
    ----------
    channels : tuple of int
        From 0.
    names : tuple of str
        What each channel of the image is called: red, green and blue where there are three, else channel 1, 2 …
    reason : str
        Why these, as the rest of a sentence.
    differ : bool
        Whether channels show different things, so that another choice would find other objects.
    blend : bool
        Whether the channels' mean is given, as grey.
    automatic : bool
        Whether nobody chose.
    """

    channels: tuple[int, ...]
    names: tuple[str, ...]
    reason: str
    differ: bool = False
    blend: bool = False
    automatic: bool = True

    @property
    def text(self) -> str:
        """The names of the channels that are taken."""
        return " + ".join(self.names[channel] for channel in self.channels)

    def take(self, image: np.ndarray) -> np.ndarray:
        """Return them of the image or a part of it: (height, width), or (height, width, 2 or 3)."""
        chosen = choose_channels(image, self.channels)
        return chosen.mean(axis=2, dtype=np.float32) if self.blend and chosen.ndim == 3 else chosen


def channels_seen(image: np.ndarray, model: ModelConfig, wanted: tuple[int, ...] = ()) -> ChannelChoice:
    """Tell which channels a model is given of an image.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth, perhaps mapped.
    model : ModelConfig
        Models that take values as they are stored take the first three channels as they are.
    wanted : tuple of int
        The channels that somebody chose, from 0; what the image does not have is left out. Empty: none were.
    """
    count = 1 if image.ndim == 2 else image.shape[2]
    names = COLOURS if count == 3 else tuple(f"channel {number}" for number in range(1, count + 1))
    first = tuple(range(min(3, count)))
    if count == 1:
        return ChannelChoice(first, names, "the image has no other")
    if wanted:
        there = tuple(c for c in wanted if c < count)[:3]
        return ChannelChoice(there or wanted, names, "chosen by hand", automatic=False)
    if model.intensity != "percentiles":
        return ChannelChoice(first, names, "this model takes them as they are stored")
    return _chosen(image, names)


def _chosen(image: np.ndarray, names: tuple[str, ...]) -> ChannelChoice:
    first = tuple(range(min(3, len(names))))
    values = downscale_mean(subsample(image, MOST_PIXELS), LOOKED_AT).astype(np.float32)
    values = np.nan_to_num(values, copy=False, posinf=0.0, neginf=0.0)
    lows, highs = np.percentile(values, [LOW, HIGH], axis=(0, 1))
    ranges = highs - lows
    apart = np.ptp(values, axis=2)
    if np.percentile(apart, HIGH) * 255 <= SAME * ranges.max():
        return ChannelChoice(first, names, "they show the same")
    shown = _shown(values, ranges, image.dtype)
    if not shown:
        return ChannelChoice(first, names, "none of them shows anything")
    alike = np.corrcoef(values[..., shown].reshape(-1, len(shown)), rowvar=False) if len(shown) > 1 else 1.0
    one_hue = bool(np.min(alike) > ALIKE)
    colour = values[..., first] @ LUMA if len(first) == 3 else values.max(axis=2)
    if is_bright(colour) and highs[list(first)].min() > WHITE * highs.max():
        return ChannelChoice(first, names, "a bright background, as of a stained section, is seen in colour")
    if one_hue:
        return ChannelChoice(tuple(shown[:3]), names, "the image has a single hue and is read as grey", blend=True)
    scores = {c: _roundness((values[..., c] - lows[c]) / ranges[c]) for c in shown}
    best = max(shown, key=scores.__getitem__)
    return ChannelChoice((best,), names, "it shows the most rounded, evenly filled objects", differ=True)


def _shown(values: np.ndarray, ranges: np.ndarray, dtype: np.dtype) -> list[int]:
    """Return the channels that show anything at all."""
    # The median of how much neighbours differ, as the standard deviation of white noise.
    noise = 1.05 * np.median(np.abs(np.diff(values, axis=1)), axis=(0, 1)) if values.shape[1] > 1 else 0 * ranges
    least = max(LEVELS, LEFT_BEHIND * ranges.max()) if dtype == np.uint8 else 0.0
    return np.flatnonzero((ranges > SIGNAL * noise) & (ranges >= least) & (ranges > 0)).tolist()


def _roundness(channel: np.ndarray) -> float:
    """Tell how much of what is bright in a channel (0 dark, 1 bright) is rounded objects set off from the rest.

    Returns
    -------
    float
        0 to 1: the share of the variance that is between bright and dark, times the mean over bright pixels of how
        round (4 pi area / perimeter²) and how large their object is.
    """
    smooth = ndimage.gaussian_filter(np.clip(channel, 0, 1), 1)
    mask = smooth > threshold_otsu(smooth)
    share = float(mask.mean())
    if not 0 < share < 1:
        return 0.0
    between = share * (1 - share) * (smooth[mask].mean() - smooth[~mask].mean()) ** 2 / max(float(smooth.var()), 1e-12)
    objects, count = ndimage.label(ndimage.binary_opening(mask))
    areas = np.bincount(objects.ravel(), minlength=count + 1)[1:].astype(float)
    edge = (objects > 0) & ~ndimage.binary_erosion(mask, border_value=1)
    rims = np.bincount(objects[edge], minlength=count + 1)[1:]
    round_ = np.minimum(1, 4 * np.pi * areas / np.maximum(rims, 1) ** 2) * np.minimum(1, areas / USUAL_PIXELS)
    round_[areas < FEWEST_PIXELS] = 0
    return float(between * (round_ @ areas) / mask.sum())
