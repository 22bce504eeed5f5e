"""Which size of an image that is kept at several sizes a model is given: the one at which it knows the nuclei."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from unet.io.pyramid import Level, Pyramid, level_for
from unet.prediction.predictor import Predictor
from unet.preprocess.adjust import ImageAdjustments


def read_fitting(
    pyramid: Pyramid,
    predictor: Predictor,
    preparation: ImageAdjustments,
    folder: Path,
    chosen: int | None = None,
) -> tuple[np.ndarray, Level]:
    """Read the level of an image at which its nuclei are as large as a model knows them.

    Parameters
    ----------
    pyramid : Pyramid
    predictor : Predictor
    preparation : ImageAdjustments
        Where it names a scale, that one counts.
    folder : Path
        Where a large image is kept.
    chosen : int, optional
        The level, where it is known: that of the other planes of a stack.

    Returns
    -------
    image : (height, width) or (height, width, channels)
    level : Level

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    if chosen is None and len(pyramid.levels) > 1:
        scale = preparation.scale
        if scale == 1 and preparation.fit:
            scale = predictor.scale_for(pyramid.look(0), preparation)
        chosen = level_for(min(1.0, scale), pyramid.levels)
    chosen = chosen or 0
    return pyramid.read(chosen, folder), pyramid.levels[chosen]
