"""Which channels of a layer matter: by how strong they are, and by what changes without them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import onnx
from onnx import helper, numpy_helper

from unet.activations.layers import output_layer
from unet.activations.trace import Trace, with_outputs
from unet.models.runtime import Network

# Images that go through the network at once, of at most so many pixels together.
BATCH_PIXELS = 4 * 256 * 256


def energy_of(values: np.ndarray) -> np.ndarray:
    """Return the root mean square of each channel of (channels, height, width), less its mean: what varies in it."""
    return values.reshape(len(values), -1).std(axis=1)


def influence_of(model: onnx.ModelProto, trace: Trace, name: str, channels: list[int]) -> np.ndarray:
    """Return by how much the first map changes when a channel is 0: the mean over its pixels, found by doing so.

    Only what comes after the layer is computed anew; what it reads besides is as the trace has it.

    Parameters
    ----------
    model : onnx.ModelProto
        An unfolded graph.
    trace : Trace
        Of that graph, for the image that is looked at.
    name : str
        Of the layer.
    channels : list of int
        Those that are asked about.

    Returns
    -------
    (channels,) float32
        0 to 1, in the order of ``channels``.
    """
    output = output_layer(trace.layers)
    graph, others = _rest_of(model, trace, name, output)
    network = Network(graph.SerializeToString(), [output])
    count = len(trace[name])
    given = {f"{each}/given": trace[each][None] for each in others}
    whole = trace.maps[0]
    step = max(1, BATCH_PIXELS // whole.size)
    found = []
    for start in range(0, len(channels), step):
        part = channels[start : start + step]
        kept = np.ones((len(part), count, 1, 1), np.float32)
        kept[np.arange(len(part)), part] = 0
        maps = network.run({**given, "kept": kept})[0][:, 0]
        found.append(np.abs(maps - whole).mean(axis=(1, 2)))
    return np.concatenate(found) if found else np.zeros(0, np.float32)


def _rest_of(model: onnx.ModelProto, trace: Trace, name: str, output: str) -> tuple[onnx.ModelProto, list[str]]:
    """Return what comes after a layer, its channels times ``kept``, and the layers that are given to it."""
    copy = with_outputs(model, [output])
    constants, changed, nodes = {each.name for each in copy.graph.initializer}, {name}, []
    for node in copy.graph.node:
        if changed.intersection(node.input):
            changed.update(node.output)
            nodes.append(node)
    del copy.graph.node[:], copy.graph.input[:]
    copy.graph.node.append(helper.make_node("Mul", [f"{name}/given", "kept"], [name]))
    others = {name: None}
    for node in nodes:
        outside = [each for each in node.input if each and each not in changed and each not in constants]
        others |= dict.fromkeys(outside)
        for each in outside:
            node.input[list(node.input).index(each)] = f"{each}/given"
        is_half = outside and node.op_type == "Concat"
        new = list(_apart(copy.graph, nodes, node, trace.shape(outside[0])[0])) if is_half else [node]
        changed.update(each.output[0] for each in new)
        copy.graph.node.extend(new)
    for given in (*(f"{each}/given" for each in others), "kept"):
        copy.graph.input.append(helper.make_tensor_value_info(given, onnx.TensorProto.FLOAT, None))
    return copy, list(others)


def _apart(
    graph: onnx.GraphProto, nodes: list[onnx.NodeProto], joined: onnx.NodeProto, count: int
) -> Iterator[onnx.NodeProto]:
    """Yield what stands for a concatenation, one half of which is the same for all images of a batch.

    What the convolution behind it makes of either half is added: of the half that is the same only once.
    """
    reader = next(each for each in nodes if joined.output[0] in each.input)
    kernel = next(numpy_helper.to_array(each) for each in graph.initializer if each.name == reader.input[1])
    first = count if joined.input[0].endswith("/given") else kernel.shape[1] - count
    parts: list[str] = []
    for half, values in zip(joined.input, np.split(kernel, [first], axis=1), strict=True):
        graph.initializer.append(numpy_helper.from_array(np.ascontiguousarray(values), f"{half}/weights"))
        part = onnx.NodeProto()
        part.CopyFrom(reader)
        part.input[:] = [half, f"{half}/weights", *([] if parts else reader.input[2:])]
        part.output[:], part.name = [f"{half}/part"], f"{half}/part"
        parts.append(part.output[0])
        yield part
    reader.op_type = "Add"
    reader.input[:] = parts
    del reader.attribute[:]
