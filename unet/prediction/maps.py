"""The maps that a model makes of an image, as compact as their use allows."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from unet.memmap import downscale_mean, is_mapped, release_pages
from unet.preprocess.channels import ChannelChoice
from unet.preprocess.resize import resize_labels

# The highest level of a probability.
LEVELS = 2**16 - 1


@dataclass(frozen=True)
class Seen:
    """What a model was given of an image.

    Attributes
    ----------
    channels : ChannelChoice
    scale : float
        Of the image, as the network saw it; 1 for models that resize all images to one size.
    diameter : float or None
        Of the usual nucleus, in pixels of the image, where the scales were chosen for it.
    second : float or None
        Scale of a second view, where the maps are the mean of two.
    """

    channels: ChannelChoice
    scale: float = 1.0
    diameter: float | None = None
    second: float | None = None

    @property
    def text(self) -> str:
        """How nuclei were made to fit the model, in words; empty where they were seen as they are."""
        if self.scale == 1 and self.second is None:
            return ""
        size = f"nuclei of about {self.diameter:.0f} px, " if self.diameter else ""
        second = f" and {self.second:g}x, mean of both" if self.second else ""
        return f"{size}predicted at {self.scale:g}x{second}"


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image, as compact as its use allows: what is shown, measured and written is the same.

    A pixel lies above a threshold if its level is greater than ``threshold * 65535``. For thresholds of two decimals
    this is the same as ``probability > threshold`` in float32, and as ``level / 65535 > threshold`` in the float64 of
    a browser: such a threshold is a level exactly where it is a multiple of 0.2, and both sides are then rounded
    alike; all others lie 0.05 levels or more from the nearest level, which is twelve times what float32 rounds away.

    Attributes
    ----------
    levels : (height, width) uint16
        Probability of foreground times 65535, rounded, at the image's own size. With several classes: 1 - background.
    classes : (height, width) uint8, or None
        With several classes, the most probable foreground class of each pixel, 1 to n, whatever its probability;
        ``class_map`` says where there is foreground at all.
    borders, distances : (height, width) uint8, or None
        Of a model with these heads: probability that nuclei touch, and distance from the nucleus' edge as a share of
        its greatest, each times 255, rounded.

    seen : Seen, or None
        What the model was given of the image.

    The arrays of a large image may be mapped from a file; ``crop`` then reads only what is asked for, whereas
    ``probability`` and the like bring all of it into memory.
    """

    levels: np.ndarray
    classes: np.ndarray | None = None
    borders: np.ndarray | None = None
    distances: np.ndarray | None = None
    seen: Seen | None = dataclasses.field(default=None, kw_only=True)

    @classmethod
    def of(
        cls,
        probability: np.ndarray,
        classes: np.ndarray | None = None,
        border: np.ndarray | None = None,
        distance: np.ndarray | None = None,
    ) -> Prediction:
        """Make a prediction of maps (height, width) of floats from 0 to 1, and of classes as they are."""
        eighths = (None if map_ is None else _rounded(map_, np.uint8) for map_ in (border, distance))
        return cls(_rounded(probability, np.uint16), classes, *eighths)

    @property
    def probability(self) -> np.ndarray:
        """Probability of foreground (height, width) float32, 0 to 1; made anew each time."""
        return self.levels / np.float32(LEVELS)

    @property
    def border(self) -> np.ndarray | None:
        """Probability that nuclei touch (height, width) float32, 0 to 1; made anew each time."""
        return None if self.borders is None else self.borders / np.float32(255)

    @property
    def distance(self) -> np.ndarray | None:
        """Distance from the edge (height, width) float32, 0 to 1; made anew each time."""
        return None if self.distances is None else self.distances / np.float32(255)

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.levels.shape

    @property
    def nbytes(self) -> int:
        """Bytes of all maps, wherever they are kept."""
        return sum(map_.nbytes for map_ in self.maps())

    @property
    def is_mapped(self) -> bool:
        """Whether the maps are kept in files."""
        return is_mapped(self.levels)

    def mask(self, threshold: float) -> np.ndarray:
        """Return where the probability lies above a threshold, (height, width) bool."""
        return self.levels > cut(threshold)

    def class_map(self, threshold: float) -> np.ndarray:
        """Return the class (height, width) uint8 of each pixel above the threshold; 0 is background."""
        mask = self.mask(threshold).astype(np.uint8)
        return mask if self.classes is None else mask * self.classes

    def crop(self, rows: slice, columns: slice) -> Prediction:
        """Return a part at full resolution, a view."""
        return self.each(lambda map_: map_[rows, columns])

    def shrink(self, longest: int) -> Prediction:
        """Return a view of the whole whose height and width are at most ``longest``, for looking at it.

        Each pixel is the mean of a square, its class that of the square's middle.
        """
        small = dataclasses.replace(self, classes=None).each(lambda map_: downscale_mean(map_, longest))
        classes = None if self.classes is None else resize_labels(self.classes, small.shape)
        return dataclasses.replace(small, classes=classes)

    def put(self, rows: slice, columns: slice, part: Prediction) -> None:
        """Fill a part with another prediction of its size and maps."""
        for whole, piece in zip(self.maps(), part.maps(), strict=True):
            whole[rows, columns] = piece
            release_pages(whole)

    def each(self, change: Callable[[np.ndarray], np.ndarray]) -> Prediction:
        """Return the prediction with each of the maps that it has changed."""
        _, *others = (None if map_ is None else change(map_) for map_ in self.all())
        return Prediction(change(self.levels), *others, seen=self.seen)

    def maps(self) -> list[np.ndarray]:
        """Return the maps that there are."""
        return [map_ for map_ in self.all() if map_ is not None]

    def all(self) -> tuple[np.ndarray | None, ...]:
        """Return the four maps: levels, classes, borders, distances."""
        return self.levels, self.classes, self.borders, self.distances


def cut(threshold: float) -> int:
    """Return the highest level that does not lie above a threshold."""
    # 0.2 * 65535 and its like are whole numbers, which the product may miss by a rounding.
    return math.floor(threshold * LEVELS + 1e-6)


def _rounded(map_: np.ndarray, dtype: type[np.unsignedinteger]) -> np.ndarray:
    return np.rint(np.asarray(map_, np.float32) * np.iinfo(dtype).max).astype(dtype)
