"""The layers of a network, read off its unfolded graph: whatever its architecture, each with what it takes and does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
from onnx import numpy_helper

from unet.models.graph import INPUT, OUTPUT

IMAGE = "image"
KINDS = {
    "Conv": "convolution",
    "ConvTranspose": "transposed convolution",
    "MaxPool": "max pooling",
    "BatchNormalization": "normalisation",
    "InstanceNormalization": "normalisation",
    "Concat": "concatenation",
    "Softmax": "softmax",
    "Resize": "resizing",
    "Add": "sum",
    "Mul": "scaling",
}
ACTIVATIONS = {
    "Relu": "relu",
    "Elu": "elu",
    "LeakyRelu": "leaky_relu",
    "Clip": "relu6",
    "Erf": "gelu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
}


@dataclass(frozen=True)
class Layer:
    """A step of the network.

    Attributes
    ----------
    name : str
        Of the layer, as in Keras, and of the tensor that it gives.
    kind : str
        One of ``KINDS``' values, ``depthwise convolution``, ``activation`` or ``image``.
    inputs : tuple of str
        The layers whose values it takes.
    function : str
        Of an activation, its name; else empty.
    parameters : int
        Values that training has set.
    nodes : tuple of onnx.NodeProto
        What computes it.
    values : dict
        Its weights, by what they are: ``kernel``, ``bias``, ``scale``, ``shift``, ``mean``, ``variance`` …
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    function: str
    parameters: int
    nodes: tuple[onnx.NodeProto, ...]
    values: dict[str, np.ndarray]

    @property
    def is_elementwise(self) -> bool:
        """Whether each value follows from the one value at its place."""
        return self.kind in ("normalisation", "activation", "scaling") and len(self.inputs) == 1

    def attribute(self, name: str, default: Any = None) -> Any:
        """Return an attribute of its last node, such as ``strides``."""
        return attribute(self.nodes[-1], name, default)


def attribute(node: onnx.NodeProto, name: str, default: Any = None) -> Any:
    """Return an attribute of a node."""
    found = next((each for each in node.attribute if each.name == name), None)
    return default if found is None else onnx.helper.get_attribute_value(found)


def layers_of(model: onnx.ModelProto) -> dict[str, Layer]:
    """Return the layers of an unfolded graph in the order of their computation, the image first."""
    constants = {each.name: numpy_helper.to_array(each) for each in model.graph.initializer}
    layers: dict[str, Layer] = {}
    made: dict[str, str] = {INPUT: IMAGE}
    for name, nodes in _owned(model.graph.node):
        own = {output for node in nodes for output in node.output}
        taken = [each for node in nodes for each in node.input if each and each not in own]
        inputs = tuple(dict.fromkeys(made[each] for each in taken if each not in constants))
        made |= dict.fromkeys(own, name)
        if nodes[-1].op_type == "Transpose":  # only the order of the axes
            made |= dict.fromkeys(own, inputs[0])
            continue
        values = {each.rpartition("/")[2]: constants[each] for each in taken if each in constants}
        layers[name] = _layer(name, nodes, inputs, values)
    return layers


def _owned(nodes: Any) -> Iterator[tuple[str, list[onnx.NodeProto]]]:
    """Put together the nodes of each layer: those named ``layer/something``, convolutions aside, and ``layer``."""
    waiting: dict[str, list[onnx.NodeProto]] = {}
    for node in nodes:
        name = node.name if node.op_type in ("Conv", "ConvTranspose") else node.name.partition("/")[0]
        waiting.setdefault(name, []).append(node)
        if node.name == name:
            yield name, waiting.pop(name)


def _layer(name: str, nodes: list[onnx.NodeProto], inputs: tuple[str, ...], values: dict[str, np.ndarray]) -> Layer:
    operators = [node.op_type for node in nodes]
    # Of several nodes the telling one: an “Erf” makes a GELU, an “InstanceNormalization” a group normalisation.
    telling = next((each for each in operators if each in ("InstanceNormalization", "Erf")), operators[-1])
    function = "silu" if operators == ["Sigmoid", "Mul"] else ACTIVATIONS.get(telling, "")
    kind = "activation" if function else KINDS.get(telling, "other")
    if inputs == (IMAGE,) and kind in ("scaling", "sum"):
        kind = "image"
    if kind == "convolution" and attribute(nodes[-1], "group", 1) > 1:
        kind = "depthwise convolution"
    weighted = "convolution" in kind or kind == "normalisation"
    learned = ("kernel", "bias", "scale", "shift", "mean", "variance")
    parameters = sum(values[each].size for each in learned if each in values) if weighted else 0
    return Layer(name, kind, inputs, function, parameters, tuple(nodes), values)


def chain_of(layers: dict[str, Layer], name: str) -> list[Layer]:
    """Return the layers that turn the value of one place into this layer's, the one that reads others first.

    A convolution, its normalisation and its activation are such a chain.
    """
    chain = [layers[name]]
    while chain[0].is_elementwise and chain[0].inputs[0] in layers:
        chain.insert(0, layers[chain[0].inputs[0]])
    return chain


def output_layer(layers: dict[str, Layer]) -> str:
    """Return the name of the last layer, which gives the network's maps."""
    return [name for name in layers if name != OUTPUT][-1]
