import functools

import pytest

from unet.config import ModelConfig
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.prediction.predictor import Predictor

TINY = {"input_size": (32, 32), "channels": 1, "filters": (4, 8), "dropout": (0.1,)}


@pytest.fixture(scope="session")
def make_predictor(tmp_path_factory):
    """Make a predictor of a tiny network with random weights; keyword arguments change its architecture."""

    @functools.cache
    def make(**changes):
        import keras

        from unet.models.network import build_unet

        keras.utils.set_random_seed(0)
        config = ModelConfig(
            **({"input_size": (32, 32), "channels": 1, "filters": (4, 8), "dropout": (0.1,)} | changes)
        )
        folder = tmp_path_factory.mktemp("model") / "model"
        save_model(folder, build_unet(config), ModelInfo("tiny", config))
        return Predictor.open(folder)

    return make


@pytest.fixture(scope="session")
def predictor(make_predictor):
    return make_predictor()
