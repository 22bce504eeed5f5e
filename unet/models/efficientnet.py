"""The first stages of EfficientNet-Lite0 as the contracting path of a U-Net.

Tan and Le, "EfficientNet", ICML 2019; the Lite variants leave squeeze-and-excitation out and bound activations by 6.
Its last two stages, at a 32nd of the image, are not taken: they hold three quarters of its weights, and reach so far
that tiles would have to overlap by most of their size.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

NAME = "efficientnet-lite0"
STEM_NAME, STEM = "down2_stem", 32
# What it was trained to see: values of 0 to 255 less 127, divided by 128.
SCALE, OFFSET = 1 / 128, -127 / 128


class Block(NamedTuple):
    """An inverted residual: channels are spread by 1x1, filtered one by one, and brought together by 1x1."""

    name: str
    level: int  # of its output, which is 2 ** level times smaller than the image
    incoming: int
    spread: int  # how many times as many channels are filtered
    side: int  # of the filters
    stride: int
    filters: int

    @property
    def wide(self) -> int:
        return self.incoming * self.spread

    @property
    def is_residual(self) -> bool:
        return self.stride == 1 and self.incoming == self.filters


def _blocks() -> Iterator[Block]:
    incoming, level, number = STEM, 1, 0
    for repeats, side, stride, spread, filters in (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
    ):
        for repeat in range(repeats):
            step = stride if repeat == 0 else 1
            number, level = number + 1, level + step - 1
            yield Block(f"down{level + 1}_{number}", level, incoming, spread, side, step, filters)
            incoming = filters


BLOCKS = tuple(_blocks())
# Channels that each level hands over, from half of the image's size to a 16th.
FEATURES = tuple({block.level: block.filters for block in BLOCKS}.values())


def add_encoder(image) -> list:
    """Add the encoder to a Keras model, its weights drawn at random.

    Parameters
    ----------
    image : tensor (batch, height, width, 3)
        Values -1 to 1; height and width are multiples of 16.

    Returns
    -------
    list of tensor
        What each level hands over, from half of the image's size to a 16th.
    """
    from keras import layers

    def normalised(x, name: str, activated: bool = True):
        x = layers.BatchNormalization(name=f"{name}_norm")(x)
        return layers.Activation("relu6", name=f"{name}_relu6")(x) if activated else x

    def pointwise(x, filters: int, name: str, activated: bool = True):
        x = layers.Conv2D(filters, 1, use_bias=False, kernel_initializer="he_normal", name=name)(x)
        return normalised(x, name, activated)

    x = layers.Conv2D(
        STEM, 3, strides=2, padding="same", use_bias=False, kernel_initializer="he_normal", name=STEM_NAME
    )(image)
    x = normalised(x, STEM_NAME)
    features = {}
    for block in BLOCKS:
        start = x
        if block.spread > 1:
            x = pointwise(x, block.wide, f"{block.name}_spread")
        name = f"{block.name}_filter"
        # In float32 always: TensorFlow learns filters of single channels up to ten times slower in bfloat16.
        x = layers.DepthwiseConv2D(
            block.side,
            block.stride,
            "same",
            use_bias=False,
            depthwise_initializer="he_normal",
            dtype="float32",
            name=name,
        )(x)
        x = normalised(x, name)
        x = pointwise(x, block.filters, f"{block.name}_gather", activated=False)
        if block.is_residual:
            x = layers.Add(name=block.name)([x, start])
        features[block.level] = x
    return list(features.values())


def encoder_shapes() -> Iterator[tuple[str, str, list[tuple[int, ...]]]]:
    """Tell each layer of the encoder that has weights, as ``unet.models.network.weight_shapes`` does."""

    def normalised(name: str, kind: str, shape: tuple[int, ...], filters: int):
        yield name, kind, [shape]
        yield f"{name}_norm", "BatchNormalization", [(filters,)] * 4

    yield from normalised(STEM_NAME, "Conv2D", (3, 3, 3, STEM), STEM)
    for block in BLOCKS:
        if block.spread > 1:
            yield from normalised(f"{block.name}_spread", "Conv2D", (1, 1, block.incoming, block.wide), block.wide)
        yield from normalised(
            f"{block.name}_filter", "DepthwiseConv2D", (block.side, block.side, block.wide, 1), block.wide
        )
        yield from normalised(f"{block.name}_gather", "Conv2D", (1, 1, block.wide, block.filters), block.filters)


def encoder_reach() -> int:
    """Return how many pixels of the image away something can still change a value of the encoder's last level."""
    # A filter of stride 2 works on the level above.
    return 1 + sum(block.side // 2 * 2 ** (block.level - block.stride + 1) for block in BLOCKS)


def encoder_values(height: int, width: int) -> int:
    """Return how many values all layers of the encoder give together for an image of this size."""
    given = 3 * STEM * height * width // 4  # of each convolution, its normalisation and its activation
    for block in BLOCKS:
        before, after = (height * width // 4**level for level in (block.level - block.stride + 1, block.level))
        given += 3 * block.wide * ((block.spread > 1) * before + after)
        given += (3 if block.is_residual else 2) * block.filters * after
    return given
