"""Running a network without TensorFlow: its graph in ONNX Runtime. Heavy, so imported when used."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from unet.config import ModelConfig
from unet.models.graph import INPUT, OUTPUT, build_graph
from unet.models.metadata import read_info
from unet.models.weights import WEIGHTS_FILE, Weights, read_weights


class Network:
    """A network ready to run. Only what ``unet.models.graph`` has built is ever run, never a file of somebody's."""

    def __init__(self, config: ModelConfig, weights: Weights):
        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            build_graph(config, weights).SerializeToString(), options, providers=["CPUExecutionProvider"]
        )

    @classmethod
    def open(cls, folder: Path) -> Network:
        """Build the network that a Model folder describes.

        Raises
        ------
        ModelError
            If the folder is incomplete, damaged, or not to be trusted.
        """
        config = read_info(folder).config
        return cls(config, read_weights(Path(folder) / WEIGHTS_FILE, config))

    def __call__(self, images: np.ndarray) -> np.ndarray:
        """Return the maps (batch, height, width, maps) float32 of images (batch, height, width, channels), 0 to 255."""
        return self._session.run([OUTPUT], {INPUT: images.astype(np.float32, copy=False)})[0]
