"""How a network is drawn as a U: which of its layers stand for themselves, on which level, and what leads where."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from unet.activations.layers import Layer, output_layer
from unet.activations.trace import Trace

# Stacks beside each other on one side of a level; of more only the ends of blocks are drawn.
MOST = 5
ENDS = ("activation", "max pooling", "transposed convolution", "resizing", "concatenation", "sum", "softmax", "image")
RISES = ("transposed convolution", "resizing")


@dataclass(frozen=True)
class Stack:
    """A stack of feature maps in the drawing.

    Attributes
    ----------
    layer : str
        That gave the maps.
    level : int
        How often the image has been halved: 0 at its own size.
    side : str
        “down”: the contracting path; “bottom”; “up”: the expanding path.
    steps : tuple of str
        The layers since the stacks that it comes from, itself the last.
    inputs : tuple of str
        The stacks that it comes from.
    """

    layer: str
    level: int
    side: str
    steps: tuple[str, ...]
    inputs: tuple[str, ...]


def stacks_of(trace: Trace) -> list[Stack]:
    """Return the stacks of a network's drawing, in the order of their computation."""
    layers = trace.layers
    full = trace.shape(next(iter(layers)))[1]
    levels = {name: (full // trace.shape(name)[1]).bit_length() - 1 for name in layers}
    sides = _sides(layers, levels)
    drawn = _drawn(layers, levels, sides)
    return [Stack(name, levels[name], sides[name], *_behind(layers, name, drawn)) for name in layers if name in drawn]


def _sides(layers: dict[str, Layer], levels: dict[str, int]) -> dict[str, str]:
    lowest, rising, sides = max(levels.values()), False, {}
    for name, layer in layers.items():
        rising = rising or layer.kind in RISES
        sides[name] = "up" if rising else "bottom" if levels[name] == lowest else "down"
    return sides


def _drawn(layers: dict[str, Layer], levels: dict[str, int], sides: dict[str, str]) -> set[str]:
    readers: dict[str, list[str]] = {name: [] for name in layers}
    for name, layer in layers.items():
        for each in layer.inputs:
            readers.get(each, []).append(name)
    # What a block hands on to more than one is its end, with an activation or without.
    ends = [name for name, layer in layers.items() if layer.kind in ENDS or len(readers[name]) > 1]
    counts = Counter((levels[name], sides[name]) for name in ends)

    def is_end_of_block(name: str) -> bool:
        leaves = any(levels[each] != levels[name] or layers[each].kind == "concatenation" for each in readers[name])
        return layers[name].kind in ("sum", "concatenation", "image", *RISES) or leaves or len(readers[name]) > 1

    few = {name for name in ends if counts[levels[name], sides[name]] <= MOST}
    many = {name for name in layers if counts[levels[name], sides[name]] > MOST and is_end_of_block(name)}
    return few | many | {output_layer(layers)}


def _behind(layers: dict[str, Layer], name: str, drawn: set[str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    inputs: dict[str, None] = {}
    steps, waiting = {name}, list(layers[name].inputs)
    while waiting:
        each = waiting.pop(0)
        if each in drawn:
            inputs[each] = None
        elif each in layers and each not in steps:
            steps.add(each)
            waiting += layers[each].inputs
    order = list(layers)
    return tuple(sorted(steps, key=order.index)), tuple(inputs)
