import numpy as np
import pytest

from tests.factories import draw_discs
from unet.config import ModelConfig, Separation
from unet.io.pixel_size import PixelSize
from unet.models.metadata import ModelInfo
from unet.prediction.maps import Prediction
from unet.prediction.result import Decisions, Result

INFO = ModelInfo("tiny", ModelConfig())


@pytest.fixture
def decisions() -> Decisions:
    return Decisions(INFO, 0.5, Separation(), model="run:tiny")


@pytest.fixture
def make_result(decisions):
    """Make a result of a mask, or of discs; keyword arguments change its decisions."""

    def make(mask=None, *, file: str = "cells.png", size: PixelSize | None = None, **changes) -> Result:
        image, labels = draw_discs(5, (60, 80), 0)
        if mask is not None:
            image, labels = np.repeat(mask[..., None].astype(np.uint8) * 200, 3, axis=2), mask
        made = Decisions(**{**vars(decisions), **changes})
        prediction = Prediction.of((labels > 0).astype(np.float32) * 0.8)
        return Result(file, file.rpartition(".")[0], image, prediction, made, pixel_size=size)

    return make
