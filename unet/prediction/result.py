"""One image with all that is known of it, on its way into files."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.config import Separation
from unet.io.pixel_size import PixelSize
from unet.models.metadata import ModelInfo
from unet.prediction.filters import Ranges, kept_objects, kept_rows
from unet.prediction.maps import Prediction
from unet.prediction.marker import MEAN, Marker, positive_share, stain_means, with_class
from unet.prediction.measure import measure
from unet.prediction.objects import Summary, summarize_labels
from unet.prediction.regions import Region, with_regions
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments

if TYPE_CHECKING:
    import pandas as pd


# Columns of tables: an image's place on a plate, in time and in depth.
PLACES = ("well", "field", "t", "z")


@dataclass(frozen=True)
class Decisions:
    """What was decided on the way from images to objects; the same for all images of an export."""

    info: ModelInfo
    threshold: float
    separation: Separation
    preparation: ImageAdjustments = field(default_factory=ImageAdjustments)
    ranges: Ranges = field(default_factory=dict)
    model: str = ""  # the key or folder by which the command line finds it
    groups: str = ""  # by which part of their names images are grouped; see unet.prediction.grouping
    marker: Marker | None = None  # by which objects are positive or negative


@dataclass(frozen=True)
class Result:
    """One predicted image.

    Attributes
    ----------
    file : str
        The image's name.
    stem : str
        What the names of its files begin with.
    image : (height, width) or (height, width, channels)
        As the model was given it.
    prediction : Prediction
    decisions : Decisions
    page : int
        Of the file, from 0.
    pixel_size : PixelSize, optional
    found : (height, width), optional
        The label map of all objects, where it is known already.
    corrections : dict, optional
        Where that map was corrected by hand: a sentence on it under ``summary``, and how many of which kind.
    stain : (height, width), optional
        The channel of the decisions' marker, where the image has it.
    regions : tuple of Region
    places : dict
        Where the image belongs: those of ``PLACES`` that it has.
    """

    file: str
    stem: str
    image: np.ndarray
    prediction: Prediction
    decisions: Decisions
    page: int = 0
    pixel_size: PixelSize | None = None
    found: np.ndarray | None = None
    corrections: dict[str, str | int] | None = None
    stain: np.ndarray | None = None
    regions: tuple[Region, ...] = ()
    places: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def _labels(self) -> np.ndarray:
        if self.found is not None:
            return self.found
        return find_objects(self.prediction, self.decisions.threshold, self.decisions.separation)

    @cached_property
    def _frame(self) -> pd.DataFrame:
        frame = measure(self._labels, self.image, self.prediction.levels, self.pixel_size)
        if self.stain is not None:
            frame[MEAN] = stain_means(self._labels, self.stain, frame["label"].to_numpy())
        return with_regions(with_class(frame, self.decisions.marker), self.regions)

    @cached_property
    def measurements(self) -> pd.DataFrame:
        """The measurements of the objects that are kept, one row each."""
        return self._frame[kept_rows(self._frame, self.decisions.ranges)].reset_index(drop=True)

    @cached_property
    def labels(self) -> np.ndarray:
        """The label map (height, width) of the objects that are kept, with the numbers of the measurements."""
        if not self.decisions.ranges:
            return self._labels  # unmeasured: not every format has measurements
        return kept_objects(
            self._labels, self._frame["label"].to_numpy()[kept_rows(self._frame, self.decisions.ranges)]
        )

    @cached_property
    def summary(self) -> Summary:
        """How many objects are kept, and what they cover; known without measuring them."""
        return summarize_labels(self.labels)

    @property
    def positive(self) -> float | None:
        """How many of the objects are positive, 0 to 1; None where that is not known."""
        return positive_share(self.measurements) if self.decisions.marker and self.stain is not None else None
