"""One pass of the real network, of which every layer's values are kept."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx

from unet.activations.layers import Layer, layers_of, output_layer
from unet.config import ModelConfig
from unet.models.graph import build_graph
from unet.models.metadata import read_info
from unet.models.runtime import Network
from unet.models.weights import WEIGHTS_FILE, read_weights


class Trace:
    """The values of all layers for one image.

    Attributes
    ----------
    layers : dict of str to Layer
        In the order of their computation.
    """

    def __init__(self, layers: dict[str, Layer], values: dict[str, np.ndarray]):
        self.layers, self._values = layers, values

    def __getitem__(self, name: str) -> np.ndarray:
        """Return a layer's values, (channels, height, width) float32; of a concatenation they are made on demand."""
        if name not in self._values:
            return np.concatenate([self[each] for each in self.layers[name].inputs])
        return self._values[name]

    def shape(self, name: str) -> tuple[int, int, int]:
        """Return channels, height and width of a layer."""
        if name in self._values:
            return self._values[name].shape
        shapes = [self.shape(each) for each in self.layers[name].inputs]
        return (sum(shape[0] for shape in shapes), *shapes[0][1:])

    @property
    def maps(self) -> np.ndarray:
        """What the network says, (maps, height, width) float32."""
        return self[output_layer(self.layers)]

    @property
    def nbytes(self) -> int:
        """Bytes of memory that it takes."""
        return sum(values.nbytes for values in self._values.values())


class TracedNetwork:
    """A network that gives the values of all of its layers.

    Of one that was changed (``unet.activations.switches``), ``layers`` are those of the network as it was.
    """

    def __init__(self, model: onnx.ModelProto, layers: dict[str, Layer] | None = None):
        self.model, self.layers = model, layers or layers_of(model)
        # Two layers put side by side are what they were; the largest of all need not be kept twice.
        names = [name for name, layer in self.layers.items() if layers or layer.kind != "concatenation"]
        self._network = Network(with_outputs(model, names).SerializeToString(), names)
        self._names = names

    def __call__(self, image: np.ndarray) -> Trace:
        """Run on an image (height, width, channels) with values from 0 to 255."""
        found = self._network.all(image[None])
        return Trace(self.layers, {name: values[0] for name, values in zip(self._names, found, strict=True)})


def open_unfolded(folder: Path) -> tuple[ModelConfig, onnx.ModelProto]:
    """Return what a Model folder describes and its graph, written down layer by layer.

    Raises
    ------
    ModelError
        If the folder is incomplete, damaged, or not to be trusted.
    """
    config = read_info(folder).config
    return config, build_graph(config, read_weights(Path(folder) / WEIGHTS_FILE, config), folded=False)


def with_outputs(model: onnx.ModelProto, names: list[str]) -> onnx.ModelProto:
    """Return a copy of a graph that gives these tensors and no others."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    return copy
