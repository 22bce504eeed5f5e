"""The U-Net as an ONNX graph, made from a Model folder's own description and weights, without TensorFlow.

It says the same as ``unet.models.network.build_unet`` in another language: each tensor bears the name of the layer that
gives it in Keras. What only training needs is gone: dropout, and batch normalisation, which is folded into the
convolution before it. Skip connections are not joined, which would take the most memory of all: what the convolution
behind them makes of either half is added, which is the same.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from unet.config import ModelConfig
from unet.models.efficientnet import BLOCKS, STEM_NAME
from unet.models.network import group_count, scaling
from unet.models.weights import Weights

# Those of ONNX 1.12 (2022), which what reads ONNX today knows.
OPSET, IR_VERSION = 17, 8
INPUT, OUTPUT = "image", "maps"
# As in Keras.
EPSILON = 1e-3
LEAK = 0.2


def build_graph(config: ModelConfig, weights: Weights, folded: bool = True) -> onnx.ModelProto:
    """Write the network down as ONNX.

    Parameters
    ----------
    config : ModelConfig
    weights : dict
        Of each layer, from ``unet.models.weights.read_weights``.
    folded : bool
        Otherwise each layer is written down as Keras has it, batch normalisations and concatenations too: slower, for
        looking at what each of them does.

    Returns
    -------
    onnx.ModelProto
        From ``image`` (batch, height, width, channels) float32, values 0 to 255, to ``maps`` (batch, height, width,
        maps) float32. At native resolution height and width are any multiples of ``2 ** config.depth``, else those of
        ``config.input_size``.
    """
    graph = _Graph(config, weights, folded)
    x = graph.add("Transpose", "channels_first", INPUT, perm=[0, 3, 1, 2])
    factor, term = scaling(config)
    x = graph.add("Mul", "scale/factor" if term else "scale", x, graph.constant("factor", np.float32(factor)))

    if config.is_pretrained:
        x = graph.add("Add", "scale", x, graph.constant("term", np.float32(term)))
        finest = graph.block("down1", x, "a")
        *features, x = graph.encoder(x)
        skips = [finest, *features]
    else:
        skips = []
        for level in range(1, config.depth + 1):
            x = graph.block(f"down{level}", x)
            skips.append(x)
            x = graph.add("MaxPool", f"pool{level}", x, kernel_shape=[2, 2], strides=[2, 2])

    x = graph.block("bottom", x, "a" if config.is_pretrained else "ab")

    for level, skip in zip(range(config.depth, 0, -1), reversed(skips), strict=True):
        kernel, bias = weights[f"rise{level}"]
        values = graph.constants(f"rise{level}", kernel.transpose(3, 2, 0, 1), bias)
        x = graph.add("ConvTranspose", f"rise{level}", x, *values, kernel_shape=[2, 2], strides=[2, 2])
        if not folded:
            x, skip = graph.add("Concat", f"skip{level}", x, skip, axis=1), ""
        x = graph.block(f"up{level}", x, "ab"[: config.decoder_convolutions], skip)

    kernel, bias = weights["probability"]
    x = graph.convolution("probability/linear", [x], kernel, bias)
    last, axis = ("Sigmoid", {}) if config.classes == 1 else ("Softmax", {"axis": 1})
    x = graph.add(last, "probability", x, **axis)
    graph.add("Transpose", OUTPUT, x, perm=[0, 2, 3, 1])
    return graph.model()


class _Graph:
    """What has been written so far; each method adds nodes and returns the name of the tensor that they give."""

    def __init__(self, config: ModelConfig, weights: Weights, folded: bool):
        self.config, self.weights, self.folded = config, weights, folded
        self.nodes: list[onnx.NodeProto] = []
        self.values: list[onnx.TensorProto] = []

    def add(self, operator: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(operator, inputs, [name], name=name, **attributes))
        return name

    def constant(self, name: str, value: np.ndarray | np.float32) -> str:
        self.values.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def constants(self, layer: str, kernel: np.ndarray, bias: np.ndarray) -> tuple[str, str]:
        return self.constant(f"{layer}/kernel", kernel), self.constant(f"{layer}/bias", bias)

    def block(self, name: str, x: str, halves: str = "ab", skip: str = "") -> str:
        """Convolutions of 3x3, each normalised and activated; the first sees a skip connection beside ``x``."""
        for half in halves:
            layer = f"{name}{half}"
            x = self._normalised(layer, [x, skip] if skip else [x])
            x = self._activated(f"{layer}_{self.config.activation}", x)
            skip = ""
        return x

    def encoder(self, x: str) -> list[str]:
        """The stages of EfficientNet-Lite0; returns what each level hands over."""
        for bound in (0, 6):
            self.constant(f"{bound}", np.float32(bound))

        def bounded(layer: str, x: str, stride: int = 1, alone: bool = False) -> str:
            return self.add("Clip", f"{layer}_relu6", self._normalised(layer, [x], stride, alone), "0", "6")

        x = bounded(STEM_NAME, x, stride=2)
        features = {}
        for block in BLOCKS:
            start = x
            if block.spread > 1:
                x = bounded(f"{block.name}_spread", x)
            x = bounded(f"{block.name}_filter", x, block.stride, alone=True)
            x = self._normalised(f"{block.name}_gather", [x])
            if block.is_residual:
                x = self.add("Add", block.name, x, start)
            features[block.level] = x
        return list(features.values())

    def convolution(
        self,
        name: str,
        xs: list[str],
        kernel: np.ndarray,
        bias: np.ndarray | None,
        stride: int = 1,
        alone: bool = False,
    ) -> str:
        """A convolution of one tensor, or of two of which the first has as many channels as there are filters.

        ``alone``: each channel by itself.
        """
        side = kernel.shape[0]
        # As Keras does: of an even side that is halved, the odd row of padding is the last.
        before, after = (side - stride) // 2, (side - stride + 1) // 2
        same = {"kernel_shape": [side, side], "strides": [stride] * 2, "pads": [before, before, after, after]}
        same |= {"group": kernel.shape[2]} if alone else {}
        parts: list[str] = []
        for x, part in zip(xs, np.split(kernel, [kernel.shape[3]][: len(xs) - 1], axis=2), strict=True):
            at = name if len(xs) == 1 else f"{name}/{x}"
            values = [self.constant(f"{at}/kernel", part.transpose((2, 3, 0, 1) if alone else (3, 2, 0, 1)))]
            if bias is not None and not parts:  # once is enough
                values.append(self.constant(f"{name}/bias", bias))
            parts.append(self.add("Conv", at, x, *values, **same))
        return parts[0] if len(parts) == 1 else self.add("Add", name, *parts)

    def _normalised(self, layer: str, xs: list[str], stride: int = 1, alone: bool = False) -> str:
        kernel, *biases = self.weights[layer]
        norm = f"{layer}_norm"
        if self.config.normalization == "batch" and self.folded:
            scale, shift, mean, variance = (value.astype(np.float64) for value in self.weights[norm])
            factor = scale / np.sqrt(variance + EPSILON)
            kernel = (kernel * (factor[:, None] if alone else factor)).astype(np.float32)
            bias = ((sum(biases) - mean) * factor + shift).astype(np.float32)
            return self.convolution(norm, xs, kernel, bias, stride, alone)
        x = self.convolution(layer, xs, kernel, biases[0] if biases else None, stride, alone)
        if self.config.normalization == "batch":
            names = ("scale", "shift", "mean", "variance")
            values = [
                self.constant(f"{norm}/{each}", value) for each, value in zip(names, self.weights[norm], strict=True)
            ]
            return self.add("BatchNormalization", norm, x, *values, epsilon=EPSILON)
        return self._group_norm(norm, x) if self.config.normalization == "group" else x

    def _group_norm(self, name: str, x: str) -> str:
        """Each group of channels as if it were one channel of an instance normalisation."""
        scale, shift = self.weights[name]
        groups = group_count(len(scale))
        flat = self.constant(f"{name}/groups", np.array([0, groups, -1], np.int64))
        one, none = (self.constant(f"{name}/{value:g}", np.full(groups, value, np.float32)) for value in (1, 0))
        shape = self.add("Shape", f"{name}/shape", x)
        x = self.add("Reshape", f"{name}/flat", x, flat)
        x = self.add("InstanceNormalization", f"{name}/even", x, one, none, epsilon=EPSILON)
        x = self.add("Reshape", f"{name}/back", x, shape)
        factor, term = self.constants(name, scale[:, None, None], shift[:, None, None])
        return self.add("Add", name, self.add("Mul", f"{name}/scaled", x, factor), term)

    def _activated(self, name: str, x: str) -> str:
        kind = self.config.activation
        if kind in ("relu", "elu"):
            return self.add(kind.capitalize(), name, x)
        if kind == "leaky_relu":
            return self.add("LeakyRelu", name, x, alpha=LEAK)
        if kind == "silu":
            return self.add("Mul", name, x, self.add("Sigmoid", f"{name}/sigmoid", x))
        root, one, half = (self.constant(f"{name}/{value:g}", np.float32(value)) for value in (2**0.5, 1, 0.5))
        error = self.add("Erf", f"{name}/erf", self.add("Div", f"{name}/over_root", x, root))
        both = self.add("Mul", f"{name}/both", x, self.add("Add", f"{name}/more", error, one))
        return self.add("Mul", name, both, half)

    def model(self) -> onnx.ModelProto:
        """Put all of it into a model."""
        config = self.config
        sides = ("height", "width") if config.is_native else config.input_size
        image, maps = (
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", *sides, channels])
            for name, channels in ((INPUT, config.channels), (OUTPUT, config.maps))
        )
        return as_model(helper.make_graph(self.nodes, "unet", [image], [maps], self.values))


def as_model(graph: onnx.GraphProto) -> onnx.ModelProto:
    """Put a graph into a model."""
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], producer_name="unet")
    model.ir_version = IR_VERSION
    return model
