"""Small networks of every make, as Keras has them and as a graph that shows each layer."""

from __future__ import annotations

from dataclasses import dataclass

import keras
import numpy as np
import onnx
import pytest

from unet.activations.trace import TracedNetwork
from unet.config import ModelConfig
from unet.models.graph import build_graph
from unet.models.network import build_unet, weight_shapes
from unet.models.pretrained import read_pretrained


@dataclass
class Small:
    """A network with weights drawn at random, and an image that it fits."""

    config: ModelConfig
    keras: keras.Model
    weights: dict[str, list[np.ndarray]]
    model: onnx.ModelProto
    image: np.ndarray

    @property
    def traced(self) -> TracedNetwork:
        return TracedNetwork(self.model)

    def values_of(self, name: str, image: np.ndarray | None = None) -> np.ndarray:
        """What a layer gives in Keras, (channels, height, width)."""
        part = keras.Model(self.keras.input, self.keras.get_layer(name).output)
        return np.moveaxis(np.asarray(part((self.image if image is None else image)[None])[0]), -1, 0)


def make_small(seed: int = 0, side: int = 16, **changes) -> Small:
    config = ModelConfig(
        **{"input_size": (side, side), "channels": 3, "filters": (3, 4, 6), "dropout": (0.0,)} | changes
    )
    random = np.random.default_rng(seed)
    model, weights = build_unet(config), {}
    for name, kind, shapes in weight_shapes(config):
        first = [random.normal(0, np.sqrt(2 / np.prod(shapes[0][:-1] or 1)), shapes[0])]
        if kind.endswith("Normalization"):
            first = [random.uniform(0.5, 1.5, shapes[0])]
        rest = [random.uniform(0.1, 0.6, shape) for shape in shapes[1:]]
        weights[name] = [value.astype(np.float32) for value in (*first, *rest)]
    weights |= read_pretrained() if config.is_pretrained else {}  # drawn at random, values grow from block to block
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    image = random.integers(0, 256, (*config.input_size, config.channels), np.uint8)
    return Small(config, model, weights, build_graph(config, weights, folded=False), image)


@pytest.fixture
def small() -> Small:
    return make_small()
