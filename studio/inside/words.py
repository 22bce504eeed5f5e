"""What each layer does, in a sentence; the field's words, each explained where it first appears."""

from __future__ import annotations

from unet.activations.drawing import Stack
from unet.activations.layers import Layer
from unet.activations.trace import Trace

KINDS = {
    "image": "The image as the network is given it: {channels} values for each pixel, {lowest} to 1.",
    "convolution": "A convolution: each value is a sum over a window of {side} × {side} places in all {incoming} maps "
    "before, each multiplied by a weight of the kernel.",
    "depthwise convolution": "A depthwise convolution: each map is filtered by itself, in a window of {side} × {side}.",
    # What is said besides where the window moves on by two places.
    "halving": " The window moves on by {stride} places: the maps become half as large, and what comes next sees twice "
    "as far.",
    "transposed convolution": "A transposed convolution: each value is written into {side} × {side} places, multiplied "
    "by a weight for each. So the maps become twice as large.",
    "max pooling": "Max pooling: of each {side} × {side} places the greatest value is kept. The maps become half as "
    "large, and what comes next sees twice as far.",
    "normalisation": "Batch normalisation: each map is shifted and scaled so that its values have a usual range.",
    "activation": "Activation ({function}): what lies below zero is {below}. Without it, many layers would be no more "
    "than one.",
    "concatenation": "Concatenation: maps from the level below and those of the skip connection are put side by side. "
    "The first say what there is, the second exactly where.",
    "sum": "A sum (residual connection): what the block has found is added to what it was given, so that it need only "
    "learn what is new.",
    "softmax": "Softmax: the values of each pixel are made into probabilities that add up to 1.",
    "resizing": "Resizing: the maps become twice as large.",
    "scaling": "Each value is multiplied by a number.",
    "other": "A step of the network.",
}
BELOW = {
    "relu": "set to 0",
    "relu6": "set to 0, and what lies above 6 to 6",
    "elu": "bent towards −1",
    "leaky_relu": "made five times smaller",
    "gelu": "faded out",
    "silu": "faded out",
    "tanh": "bent towards −1, what lies above towards 1",
    "sigmoid": "brought close to 0, what lies far above close to 1: a probability",
}
SIDES = {
    "down": "contracting path, which sees further at each level, and less exactly",
    "bottom": "bottleneck, which knows best what there is and least where",
    "up": "expanding path, which brings what was found back to its place",
}


def about_layer(trace: Trace, layer: Layer) -> str:
    """Say in one or two sentences what a layer does."""
    side = layer.attribute("kernel_shape", [1])[0]
    known = [each for each in layer.inputs if each in trace.layers]
    incoming = trace.shape(known[0])[0] if known else 0
    if layer.kind == "convolution" and side == 1:
        return (
            f"A 1 × 1 convolution: each value is a sum over the {incoming} values of the same place, each multiplied "
            "by a weight."
        )
    function = layer.function.replace("_", " ")
    below = BELOW.get(layer.function, "changed")
    channels = trace.shape(layer.name)[0]
    lowest = "−1" if any(node.op_type == "Add" for node in layer.nodes) else "0"
    stride = layer.attribute("strides", [1])[0]
    halves = "convolution" in layer.kind and layer.kind != "transposed convolution" and stride > 1
    return (KINDS[layer.kind] + (KINDS["halving"] if halves else "")).format(
        side=side,
        incoming=incoming,
        channels=channels,
        function=function.upper() if len(function) < 5 else function,
        below=below,
        lowest=lowest,
        stride=stride,
    )


def about_stack(trace: Trace, stack: Stack) -> str:
    """Say in a sentence or two what a stack of the drawing is."""
    channels, height, width = trace.shape(stack.layer)
    what = {step: trace.layers[step] for step in stack.steps}
    last = trace.layers[stack.layer]
    telling = next((each for each in what.values() if "convolution" in each.kind and last.kind != "sum"), last)
    parameters = sum(each.parameters for each in what.values())
    maps = f"{channels} map{'s' if channels > 1 else ''} of {width} × {height}"
    learned = f", {parameters:,} parameters" if parameters else ""
    return f"{maps}{learned}. {about_layer(trace, telling)}"
