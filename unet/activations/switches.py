"""A network of which something is switched off or changed, to see what it was good for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from unet.activations.layers import layers_of

FUNCTIONS = ("as trained", "none", "relu", "elu", "tanh", "sigmoid")
OPERATORS = {"none": "Identity", "relu": "Relu", "elu": "Elu", "tanh": "Tanh", "sigmoid": "Sigmoid"}
MOST = 256  # of each kind


@dataclass(frozen=True)
class Switches:
    """What is changed; nothing, as it is made.

    Attributes
    ----------
    skips : tuple of str
        Concatenations whose second half, the skip connection, is 0.
    levels : tuple of str
        Concatenations whose first half, all that comes from further down, is 0.
    channels : tuple of (str, int)
        Channels of layers that are 0.
    function : str
        One of ``FUNCTIONS``, after each convolution but the last.
    scrambled : tuple of str
        Convolutions whose weights are shuffled, all of a layer among themselves.
    """

    skips: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    channels: tuple[tuple[str, int], ...] = ()
    function: str = FUNCTIONS[0]
    scrambled: tuple[str, ...] = ()

    @classmethod
    def from_dict(cls, data: Any) -> Switches:
        """Make the switches from JSON types that come from a browser.

        Raises
        ------
        ValueError
            If anything in it is not as it must be.
        """
        if not isinstance(data, dict) or set(data) - set(cls.__dataclass_fields__):
            raise ValueError("switches are skips, levels, channels, function and scrambled")
        names = {key: _names(data.get(key, [])) for key in ("skips", "levels", "scrambled")}
        channels = data.get("channels", [])
        if not isinstance(channels, list) or len(channels) > MOST:
            raise ValueError("channels is a list")
        for each in channels:
            if not isinstance(each, list) or [type(part) for part in each] != [str, int] or each[1] < 0:
                raise ValueError("a channel is a layer and a number")
        function = data.get("function", FUNCTIONS[0])
        if function not in FUNCTIONS:
            raise ValueError(f"the activation is one of {', '.join(FUNCTIONS)}")
        pairs = tuple(sorted({(str(layer), int(number)) for layer, number in channels}))
        return cls(channels=pairs, function=function, **names)


def _names(found: Any) -> tuple[str, ...]:
    if not isinstance(found, list) or len(found) > MOST or not all(isinstance(each, str) for each in found):
        raise ValueError("names of layers are a list of texts")
    return tuple(sorted(set(found)))


def switched(model: onnx.ModelProto, switches: Switches) -> onnx.ModelProto:
    """Return a copy of an unfolded graph, changed; tensors keep their names.

    Raises
    ------
    ValueError
        If there is no such layer, or it has no such channel.
    """
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    layers = layers_of(copy)
    nodes = {node.output[0]: node for node in copy.graph.node}
    zero = numpy_helper.from_array(np.array(0, np.float32), "nothing")
    copy.graph.initializer.append(zero)
    for name, half in [*((each, 1) for each in switches.skips), *((each, 0) for each in switches.levels)]:
        _require(name in layers and layers[name].kind == "concatenation", name)
        _put_before(copy, nodes[name], half, helper.make_node("Mul", [nodes[name].input[half], zero.name], [""]))
    for name in switches.scrambled:
        _require(name in layers and "convolution" in layers[name].kind, name)
        _scramble(copy, nodes[name].input[1])
    if switches.function != FUNCTIONS[0]:
        _change_function(copy, switches.function)
    by_layer: dict[str, list[int]] = {}
    for name, channel in switches.channels:
        by_layer.setdefault(name, []).append(channel)
    for name, channels in by_layer.items():
        _require(name in layers, name)
        count = channel_count(copy, name)
        _require(max(channels) < count, f"{name}, channel {max(channels) + 1}")
        kept = np.ones((1, count, 1, 1), np.float32)
        kept[0, channels] = 0
        copy.graph.initializer.append(numpy_helper.from_array(kept, f"{name}/kept"))
        masked(copy, name, f"{name}/kept")
    return copy


def masked(model: onnx.ModelProto, name: str, mask: str) -> None:
    """Multiply what a layer gives with a tensor, in place; whoever reads the layer gets the product."""
    index, node = next((at, each) for at, each in enumerate(model.graph.node) if name in each.output)
    node.output[0] = f"{name}/whole"
    model.graph.node.insert(index + 1, helper.make_node("Mul", [f"{name}/whole", mask], [name], name=name))
    node.name = f"{name}/whole"


def channel_count(model: onnx.ModelProto, name: str) -> int:
    """Return how many channels a layer gives, by the weights behind it."""
    layers = layers_of(model)
    layer = layers[name]
    if layer.kind == "transposed convolution":
        return layer.values["kernel"].shape[1]
    if "convolution" in layer.kind:
        return layer.values["kernel"].shape[0]
    known = [each for each in layer.inputs if each in layers]
    if not known:
        return model.graph.input[0].type.tensor_type.shape.dim[3].dim_value
    counts = [channel_count(model, each) for each in known]
    return sum(counts) if layer.kind == "concatenation" else counts[0]


def _put_before(model: onnx.ModelProto, node: onnx.NodeProto, place: int, new: onnx.NodeProto) -> None:
    name = f"{node.name}/half{place}"
    new.output[0], new.name = name, name
    node.input[place] = name
    model.graph.node.insert(list(model.graph.node).index(node), new)


def _scramble(model: onnx.ModelProto, kernel: str) -> None:
    found = next(each for each in model.graph.initializer if each.name == kernel)
    values = numpy_helper.to_array(found)
    shuffled = np.random.default_rng(0).permutation(values.ravel()).reshape(values.shape)
    found.CopyFrom(numpy_helper.from_array(shuffled, kernel))


def _change_function(model: onnx.ModelProto, function: str) -> None:
    layers = layers_of(model)
    last = list(layers)[-1]
    for name, layer in layers.items():
        if layer.kind != "activation" or name == last:
            continue
        node = helper.make_node(OPERATORS[function], [layer.inputs[0]], [name], name=name)
        at = next(index for index, each in enumerate(model.graph.node) if each.output[0] == layer.nodes[0].output[0])
        for old in layer.nodes:
            model.graph.node.remove(next(each for each in model.graph.node if each.output[0] == old.output[0]))
        model.graph.node.insert(at, node)


def _require(there: bool, name: str) -> None:
    if not there:
        raise ValueError(f"there is no “{name[:80]}” to switch")
