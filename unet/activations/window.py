"""What one value was made of: the window that its layer read, the kernel, and each step up to the value itself."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from unet.activations.layers import Layer, attribute, chain_of
from unet.activations.trace import Trace

# Values of a window that are handed over at once: neighbouring places are then looked at without asking again.
MOST = 40_000
LONGEST = 16


@dataclass(frozen=True)
class Window:
    """The values behind one channel of a layer, at some places beside each other.

    Attributes
    ----------
    about : dict
        As JSON types: ``layer``, ``channel``, ``area`` (top, left, height, width of the places), ``size`` (of the
        layer), ``base`` (what reads other places: ``kind``, ``inputs``, ``size`` of the input, ``origin`` of the window
        in it, which may lie outside, ``side``, ``stride``, ``pads``, ``channels`` that are read), and ``steps`` (the
        chain of layers: ``name``, ``kind``, ``function`` and what they know of this channel).
    arrays : dict of str to ndarray
        float32: ``window`` (channels, height, width), beyond the edge 0; ``kernel`` (channels, side, side); and
        ``step0``, ``step1`` … (height, width) of the area, what each layer of the chain really gave.
    """

    about: dict[str, Any]
    arrays: dict[str, np.ndarray] = field(default_factory=dict)


def window_of(trace: Trace, name: str, channel: int, row: int, column: int) -> Window:
    """Return what made the value of a channel at a place, and those around it.

    Parameters
    ----------
    trace : Trace
    name : str
        Of the layer.
    channel, row, column : int
        From 0.

    Raises
    ------
    KeyError, IndexError
        If there is no such layer or place.
    """
    chain = chain_of(trace.layers, name)
    channels, height, width = trace.shape(name)
    if not (0 <= channel < channels and 0 <= row < height and 0 <= column < width):
        raise IndexError(f"{name} has {channels} channels of {height} x {width} values")
    base = _base(trace, chain[0], channel)
    top, left, rows, columns = area = _area(base, row, column, height, width)
    arrays = {
        f"step{index}": np.ascontiguousarray(trace[each.name][channel, top : top + rows, left : left + columns])
        for index, each in enumerate(chain)
    }
    if base["inputs"]:
        arrays["window"], base["origin"] = _read(trace, base, area)
        if chain[0].values.get("kernel") is not None:
            arrays["kernel"] = _kernel(chain[0], channel)
    steps = [_step(trace, each, channel) for each in chain]
    about = {"layer": name, "channel": channel, "area": area, "size": [height, width], "base": base, "steps": steps}
    return Window(about, arrays)


def _base(trace: Trace, layer: Layer, channel: int) -> dict[str, Any]:
    """Say what a layer reads to give one of its channels."""
    base: dict[str, Any] = {"kind": layer.kind, "inputs": [], "side": 1, "stride": 1, "pads": [0, 0], "first": 0}
    known = [each for each in layer.inputs if each in trace.layers]
    if layer.kind in ("image", "other", "resizing", "normalisation") or not known:
        return base
    base["inputs"] = known
    count = trace.shape(known[0])[0]
    base["channels"] = count
    if layer.kind == "concatenation":
        for each in known:
            count = trace.shape(each)[0]
            if channel < count:
                break
            channel -= count
        base |= {"inputs": [each], "channels": 1, "first": channel}
    elif layer.kind == "sum":
        base |= {"channels": 1, "first": channel}
    elif layer.kind == "max pooling":
        base |= {"channels": 1, "first": channel, "side": layer.attribute("kernel_shape")[0]}
        base["stride"] = layer.attribute("strides", [1])[0]
    elif "convolution" in layer.kind:
        pads = layer.attribute("pads", [0, 0, 0, 0])
        base |= {"side": layer.attribute("kernel_shape")[0], "stride": layer.attribute("strides", [1, 1])[0]}
        base["pads"] = [int(pads[0]), int(pads[1])]
        groups = layer.attribute("group", 1)
        if groups > 1:
            each = count // groups
            base |= {"channels": each, "first": channel // (layer.values["kernel"].shape[0] // groups) * each}
    base["size"] = list(trace.shape(base["inputs"][0])[1:])
    return base


def _area(base: dict[str, Any], row: int, column: int, height: int, width: int) -> list[int]:
    """Return the places that are handed over: a square around the wanted one, as large as its windows allow."""
    side = LONGEST
    while side > 1 and base.get("channels", 1) * (side * base["stride"] + base["side"]) ** 2 > MOST:
        side //= 2
    top, left = max(0, min(row - side // 2, height - side)), max(0, min(column - side // 2, width - side))
    return [top, left, min(side, height), min(side, width)]


def _read(trace: Trace, base: dict[str, Any], area: list[int]) -> tuple[np.ndarray, list[int]]:
    """Return what the area's windows hold together, and where that begins in the input."""
    spans = []
    for start, length, pad, size in zip(area[:2], area[2:], base["pads"], base["size"], strict=True):
        if base["kind"] == "transposed convolution":
            first, last = start // base["stride"], (start + length - 1) // base["stride"] + 1
        else:
            first = start * base["stride"] - pad
            last = first + (length - 1) * base["stride"] + base["side"]
        spans.append((first, last, size))
    channels = slice(base["first"], base["first"] + base["channels"])
    parts = []
    for name in base["inputs"]:
        inside = [slice(max(0, first), max(0, min(last, size))) for first, last, size in spans]
        beyond = [(max(0, -first), max(0, last - size)) for first, last, size in spans]
        parts.append(np.pad(trace[name][(channels, *inside)], [(0, 0), *beyond]))
    return np.ascontiguousarray(np.concatenate(parts)), [first for first, _, _ in spans]


def _kernel(layer: Layer, channel: int) -> np.ndarray:
    kernel = layer.values["kernel"]
    return np.ascontiguousarray(kernel[:, channel] if layer.kind == "transposed convolution" else kernel[channel])


def _step(trace: Trace, layer: Layer, channel: int) -> dict[str, Any]:
    """Say what a layer of the chain does to this channel's values."""
    step: dict[str, Any] = {"name": layer.name, "kind": layer.kind, "function": layer.function}
    if "convolution" in layer.kind:
        step["bias"] = float(layer.values["bias"][channel]) if "bias" in layer.values else 0.0
    elif layer.kind == "normalisation":
        step |= _normalisation(trace, layer, channel)
    return step


def _normalisation(trace: Trace, layer: Layer, channel: int) -> dict[str, float]:
    telling = next(node for node in layer.nodes if node.op_type.endswith("Normalization"))
    if telling.op_type == "BatchNormalization":
        mean, variance = (float(layer.values[name][channel]) for name in ("mean", "variance"))
        scale, shift = (float(layer.values[name][channel]) for name in ("scale", "shift"))
    else:  # of a group of channels, as this image has them
        values = trace[layer.inputs[0]]
        each = len(values) // int(layer.values["groups"][1])
        group = values[channel // each * each : (channel // each + 1) * each].astype(np.float64)
        mean, variance = float(group.mean()), float(group.var())
        scale, shift = (float(layer.values[name].ravel()[channel]) for name in ("kernel", "bias"))
    epsilon = float(attribute(telling, "epsilon", 1e-5))
    return {"mean": mean, "variance": variance, "epsilon": epsilon, "scale": scale, "shift": shift}
