"""The one key of whatever is kept of an image: all that it depends on, and nothing that it does not."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from unet.config import Separation
from unet.digest import digest_of
from unet.io.pixel_size import PixelSize
from unet.preprocess.adjust import ImageAdjustments


@dataclass(frozen=True)
class Key:
    """What something that was worked out of an image follows from; equal keys mean equal values, for every visitor.

    What is not decided yet where a value is worked out stays empty: a probability map has no threshold.

    Attributes
    ----------
    image : str
        Digest of the file's content, or a dataset's fingerprint and the sample in it.
    page : int
        From 0.
    model : str
        Digest of the content of the Model folder.
    preparation : ImageAdjustments
    threshold : float, optional
    separation : Separation, optional
    corrections : int
        Identity of the list of corrections; 0: the nuclei as the model found them.
    kept : tuple of (str, float, float)
        The filter: a measurement, its smallest and its largest value.
    pixel_size : PixelSize, optional
    shown : tuple of int, optional
        Height and width at which it is shown.
    marker : int, optional
        The channel, from 0, whose mean is measured besides.
    crop : tuple of int, optional
        Top, left and side of the square of it that is looked at.
    """

    image: str
    page: int = 0
    model: str = ""
    preparation: ImageAdjustments = field(default_factory=ImageAdjustments)
    threshold: float | None = None
    separation: Separation | None = None
    corrections: int = 0
    kept: tuple[tuple[str, float, float], ...] = ()
    pixel_size: PixelSize | None = None
    shown: tuple[int, int] | None = None
    marker: int | None = None
    crop: tuple[int, int, int] | None = None

    def but(self, **changes: Any) -> Key:
        """Return the key of what follows once more is decided."""
        return dataclasses.replace(self, **changes)

    @property
    def decided(self) -> tuple[float, Separation]:
        """The threshold and the separation, of a value that depends on both."""
        assert self.threshold is not None and self.separation is not None
        return self.threshold, self.separation

    @property
    def token(self) -> str:
        """A short text that differs between keys, for the browser and for the names of widgets."""
        return digest_of(repr(self).encode(), 12)
