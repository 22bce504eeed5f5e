"""Which pixels of the image can change a value, and by how much each of them would: field and gradient, both exact."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

from unet.activations.layers import Layer, attribute, layers_of
from unet.activations.trace import Trace, with_outputs
from unet.models.runtime import Network

# Top, left, bottom, right: the last ones lie outside.
Box = tuple[int, int, int, int]
SEED = "seed"


def field_of(trace: Trace, name: str, row: int, column: int) -> Box:
    """Return the pixels of the image that can change the value at a place of a layer: its receptive field.

    Of a group normalisation, which takes the mean of a whole map, it is the whole image.
    """
    boxes: dict[str, Box] = {name: (row, column, row + 1, column + 1)}
    names = list(trace.layers)
    image = names[0]
    for each in reversed(names[: names.index(name) + 1]):
        if each not in boxes or each == image:
            continue
        layer = trace.layers[each]
        for taken in layer.inputs:
            box = _behind(layer, boxes[each], trace.shape(taken)[1:])
            boxes[taken] = _around(boxes[taken], box) if taken in boxes else box
    return boxes[image]


def _behind(layer: Layer, box: Box, size: tuple[int, int]) -> Box:
    """Return the part of a layer's input that a part of its output depends on."""
    if layer.kind == "normalisation" and any(node.op_type == "InstanceNormalization" for node in layer.nodes):
        return (0, 0, *size)
    spans = []
    for start, end, length, axis in zip(box[:2], box[2:], size, (0, 1), strict=True):
        stride = layer.attribute("strides", [1, 1])[axis]
        side = layer.attribute("kernel_shape", [1, 1])[axis]
        pad = layer.attribute("pads", [0, 0, 0, 0])[axis]
        if layer.kind == "transposed convolution":
            first, last = (start + pad - side) // stride + 1, (end - 1 + pad) // stride + 1
        elif layer.kind == "resizing":
            first, last = start // 2, (end - 1) // 2 + 1
        else:
            first, last = start * stride - pad, (end - 1) * stride - pad + side
        spans.append((max(0, first), min(length, last)))
    return spans[0][0], spans[1][0], spans[0][1], spans[1][1]


def _around(one: Box, other: Box) -> Box:
    return min(one[0], other[0]), min(one[1], other[1]), max(one[2], other[2]), max(one[3], other[3])


class Gradient:
    """How a layer's values change with the pixels of the image: the graph run forwards, then backwards.

    Raises
    ------
    NotImplementedError
        If the network has an operator whose derivative is not written down here.
    """

    def __init__(self, model: onnx.ModelProto, name: str):
        self._image = next(iter(layers_of(model)))
        copy = with_outputs(model, [])
        last = next(index for index, node in enumerate(copy.graph.node) if name in node.output)
        del copy.graph.node[last + 1 :]
        backwards = _Backwards(copy.graph)
        end = backwards.to(self._image, name)
        copy.graph.input.append(helper.make_tensor_value_info(SEED, onnx.TensorProto.FLOAT, None))
        copy.graph.output.append(helper.make_empty_tensor_value_info(end))
        self._network = Network(copy.SerializeToString(), [end])

    def __call__(self, image: np.ndarray, seed: np.ndarray) -> np.ndarray:
        """Return the gradient of the sum of ``seed`` times the layer's values.

        Parameters
        ----------
        image : (height, width, channels)
            Values 0 to 255.
        seed : (channels, height, width) float32
            Of the layer's shape: 1 at the value that is asked about, 0 elsewhere.

        Returns
        -------
        (channels, height, width) float32
            By the image's values, as the first layer gives them: 0 to 1 in a plain U-Net.
        """
        return self._network.all(image[None], **{SEED: seed[None]})[0][0]


class _Backwards:
    """Adds to a graph the nodes that carry a gradient back through it (the chain rule)."""

    def __init__(self, graph: onnx.GraphProto):
        self.graph, self.count = graph, 0
        self.constants = {each.name: numpy_helper.to_array(each) for each in graph.initializer}
        self.gradients: dict[str, list[str]] = {}

    def to(self, start: str, end: str) -> str:
        """Return the name of the gradient by ``start`` of what is computed last, ``end``."""
        self.gradients[end] = [SEED]
        for node in reversed(list(self.graph.node)):
            if node.output[0] == start:
                break
            if node.output[0] in self.gradients and node.op_type != "Shape":
                self._through(node, self._total(node.output[0]))
        return self._total(start)

    def _total(self, name: str) -> str:
        parts = self.gradients[name]
        total = parts[0] if len(parts) == 1 else self.add("Sum", *parts)
        self.gradients[name] = [total]
        return total

    def add(self, operator: str, *inputs: str, outputs: int = 1, **attributes: Any) -> str:
        self.count += 1
        names = [f"back{self.count}_{index}" for index in range(outputs)]
        self.graph.node.append(helper.make_node(operator, inputs, names, **attributes))
        return names[0]

    def number(self, *values: float, shape: tuple[int, ...] = (), dtype: type = np.float32) -> str:
        self.count += 1
        name = f"back{self.count}_constant"
        array: np.ndarray = np.array(values, dtype).reshape(shape)
        self.graph.initializer.append(numpy_helper.from_array(array, name))
        return name

    def _where(self, condition: str, one: str, other: str) -> str:
        return self.add("Where", condition, one, other)

    def _through(self, node: onnx.NodeProto, gradient: str) -> None:
        taken = [each for each in node.input if each and each not in self.constants]
        found = getattr(self, f"_{node.op_type.lower()}", None)
        if found is None:
            raise NotImplementedError(f"no derivative is written down for {node.op_type}")
        parts = found(node, gradient)
        for name, part in zip(taken, parts if isinstance(parts, list) else [parts], strict=False):
            self.gradients.setdefault(name, []).append(part)

    def _conv(self, node: onnx.NodeProto, gradient: str) -> str:
        kernel = self.constants[node.input[1]]
        stride, pads = attribute(node, "strides", [1, 1]), attribute(node, "pads", [0] * 4)
        shape = {"kernel_shape": kernel.shape[2:], "group": attribute(node, "group", 1)}
        # What a stride leaves over at the far edge no window has read: sizes are multiples of it.
        left = [max(0, s - k + a + b) for s, k, a, b in zip(stride, kernel.shape[2:], pads[:2], pads[2:], strict=True)]
        return self.add(
            "ConvTranspose", gradient, node.input[1], strides=stride, pads=pads, output_padding=left, **shape
        )

    def _convtranspose(self, node: onnx.NodeProto, gradient: str) -> str:
        same = {name: attribute(node, name) for name in ("strides", "pads", "kernel_shape") if attribute(node, name)}
        return self.add("Conv", gradient, node.input[1], **same)

    def _maxpool(self, node: onnx.NodeProto, gradient: str) -> str:
        scales = self.number(1, 1, *attribute(node, "strides"), shape=(4,))
        up = [self.add("Resize", each, "", scales, mode="nearest") for each in (node.output[0], gradient)]
        return self._where(self.add("Equal", node.input[0], up[0]), up[1], self.number(0))

    def _batchnormalization(self, node: onnx.NodeProto, gradient: str) -> str:
        scale, variance = self.constants[node.input[1]], self.constants[node.input[4]]
        factor = scale / np.sqrt(variance.astype(np.float64) + attribute(node, "epsilon", 1e-5))
        return self.add("Mul", gradient, self.number(*factor, shape=(1, -1, 1, 1)))

    def _instancenormalization(self, node: onnx.NodeProto, gradient: str) -> str:
        x, y = node.input[0], node.output[0]
        middle = self.add("ReduceMean", x, axes=[2])
        apart = self.add("Sub", x, middle)
        variance = self.add("ReduceMean", self.add("Mul", apart, apart), axes=[2])
        spread = self.add("Sqrt", self.add("Add", variance, self.number(attribute(node, "epsilon", 1e-5))))
        along = self.add("Mul", y, self.add("ReduceMean", self.add("Mul", gradient, y), axes=[2]))
        rest = self.add("Sub", self.add("Sub", gradient, self.add("ReduceMean", gradient, axes=[2])), along)
        return self.add("Div", rest, spread)

    def _reshape(self, node: onnx.NodeProto, gradient: str) -> str:
        return self.add("Reshape", gradient, self.add("Shape", node.input[0]))

    def _relu(self, node: onnx.NodeProto, gradient: str) -> str:
        return self._where(self.add("Greater", node.output[0], self.number(0)), gradient, self.number(0))

    def _clip(self, node: onnx.NodeProto, gradient: str) -> str:
        low, high = (self.add("Greater", *pair) for pair in ((node.input[0], node.input[1]), node.input[2::-2]))
        return self._where(self.add("And", low, high), gradient, self.number(0))

    def _leakyrelu(self, node: onnx.NodeProto, gradient: str) -> str:
        small = self.add("Mul", gradient, self.number(attribute(node, "alpha")))
        return self._where(self.add("Greater", node.input[0], self.number(0)), gradient, small)

    def _elu(self, node: onnx.NodeProto, gradient: str) -> str:
        small = self.add("Mul", gradient, self.add("Add", node.output[0], self.number(1)))
        return self._where(self.add("Greater", node.input[0], self.number(0)), gradient, small)

    def _sigmoid(self, node: onnx.NodeProto, gradient: str) -> str:
        y = node.output[0]
        return self.add("Mul", gradient, self.add("Mul", y, self.add("Sub", self.number(1), y)))

    def _softmax(self, node: onnx.NodeProto, gradient: str) -> str:
        y = node.output[0]
        mean = self.add("ReduceSum", self.add("Mul", gradient, y), self.number(1, shape=(1,), dtype=np.int64))
        return self.add("Mul", y, self.add("Sub", gradient, mean))

    def _erf(self, node: onnx.NodeProto, gradient: str) -> str:
        x = node.input[0]
        bell = self.add("Exp", self.add("Neg", self.add("Mul", x, x)))
        return self.add("Mul", gradient, self.add("Mul", bell, self.number(2 / np.pi**0.5)))

    def _add(self, node: onnx.NodeProto, gradient: str) -> list[str]:
        return [gradient, gradient]

    def _div(self, node: onnx.NodeProto, gradient: str) -> str:
        return self.add("Div", gradient, node.input[1])

    def _mul(self, node: onnx.NodeProto, gradient: str) -> list[str]:
        one, other = node.input
        parts = [(one, other), (other, one)]
        return [self.add("Mul", gradient, factor) for name, factor in parts if name not in self.constants]

    def _concat(self, node: onnx.NodeProto, gradient: str) -> list[str]:
        """Of two as a rule: each gets its own channels, counted when the graph runs."""
        parts, start = [], self.number(0, shape=(1,), dtype=np.int64)
        for name in node.input:
            count = self.add("Shape", name, start=1, end=2)
            end = self.add("Add", start, count)
            parts.append(self.add("Slice", gradient, start, end, self.number(1, shape=(1,), dtype=np.int64)))
            start = end
        return parts
