"""What the encoder of EfficientNet-Lite0 has learned from ImageNet; ``tools/pretrained_encoder.py`` makes the file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unet.models.efficientnet import encoder_shapes
from unet.settings import ASSETS

if TYPE_CHECKING:
    import keras

PRETRAINED = ASSETS / "encoders" / "efficientnet-lite0.npz"


def read_pretrained(path: Path = PRETRAINED) -> dict[str, list[np.ndarray]]:
    """Return each layer's values, float32, in Keras' order and shapes."""
    with np.load(path, allow_pickle=False) as stored:
        return {
            layer: [stored[f"{layer}/{index}"].astype(np.float32) for index in range(len(shapes))]
            for layer, _, shapes in encoder_shapes()
        }


def set_pretrained(model: keras.Model) -> None:
    """Put what was learned into the encoder of a network."""
    for layer, values in read_pretrained().items():
        model.get_layer(layer).set_weights(values)
