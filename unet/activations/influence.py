"""Which channels of a layer matter: by how strong they are, and by what changes without them."""

from __future__ import annotations

import numpy as np
import onnx
from onnx import helper

from unet.activations.layers import layers_of, output_layer
from unet.activations.switches import masked
from unet.activations.trace import with_outputs
from unet.models.runtime import Network

# Images that go through the network at once, of at most so many pixels together.
BATCH_PIXELS = 4 * 256 * 256


def energy_of(values: np.ndarray) -> np.ndarray:
    """Return the root mean square of each channel of (channels, height, width), less its mean: what varies in it."""
    return values.reshape(len(values), -1).std(axis=1)


def influence_of(model: onnx.ModelProto, name: str, channels: list[int], count: int, image: np.ndarray) -> np.ndarray:
    """Return by how much the first map changes when a channel is 0: the mean over its pixels, found by doing so.

    Parameters
    ----------
    model : onnx.ModelProto
        An unfolded graph.
    name : str
        Of the layer.
    channels : list of int
        Those that are asked about.
    count : int
        All channels of the layer.
    image : (height, width, channels)
        Values 0 to 255.

    Returns
    -------
    (channels,) float32
        0 to 1, in the order of ``channels``.
    """
    output = output_layer(layers_of(model))
    copy = with_outputs(model, [output])
    masked(copy, name, "kept")
    copy.graph.input.append(helper.make_tensor_value_info("kept", onnx.TensorProto.FLOAT, ["batch", count, 1, 1]))
    network = Network(copy.SerializeToString(), [output])
    whole = network.all(image[None], kept=np.ones((1, count, 1, 1), np.float32))[0][0, 0]
    step = max(1, BATCH_PIXELS // (image.shape[0] * image.shape[1]))
    found = []
    for start in range(0, len(channels), step):
        part = channels[start : start + step]
        kept = np.ones((len(part), count, 1, 1), np.float32)
        kept[np.arange(len(part)), part] = 0
        maps = network.all(np.repeat(image[None], len(part), axis=0), kept=kept)[0][:, 0]
        found.append(np.abs(maps - whole).mean(axis=(1, 2)))
    return np.concatenate(found) if found else np.zeros(0, np.float32)
