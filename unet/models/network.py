"""The U-Net: a contracting path, an expanding path and skip connections between them.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING

from unet.config import ModelConfig
from unet.models import efficientnet

if TYPE_CHECKING:
    import keras

TUTORIAL = ModelConfig()
# Height and width; the first level of 16 filters then takes 67 MB.
TILE = 1024


def build_unet(config: ModelConfig = TUTORIAL) -> keras.Model:
    """Build a U-Net, its weights drawn at random (He, Zhang, Ren and Sun, ICCV 2015).

    Parameters
    ----------
    config : ModelConfig
        The architecture; the default is the tutorial's, with 1,941,105 parameters.

    Returns
    -------
    keras.Model
        From images (batch, height, width, channels), values 0 to 255, to probabilities
        (batch, height, width, 1) of the foreground, or (batch, height, width, classes) that sum to 1. With
        ``outputs`` “mask+border+distance” (batch, height, width, 3): probability of the mask, of the border between
        touching nuclei, and the distance from the nucleus' edge as a share of its greatest, each 0 to 1. At native
        resolution height and width are any multiples of ``2 ** config.depth``, else those of ``config.input_size``.
    """
    import keras
    from keras import layers

    size = (None, None) if config.is_native else config.input_size
    image = keras.Input((*size, config.channels), name="image")
    x = layers.Rescaling(*scaling(config), name="scale")(image)

    if config.is_pretrained:
        # Beside the encoder, which begins at half of the image's size, one convolution that sees every pixel.
        finest = _block(x, config.filters[0], config.dropout[0], config, name="down1", halves="a")
        *features, x = efficientnet.add_encoder(x)
        skips = [finest, *features]
    else:
        skips = []
        for level, filters in enumerate(config.filters[:-1]):
            x = _block(x, filters, config.dropout[level], config, name=f"down{level + 1}")
            skips.append(x)
            x = layers.MaxPooling2D(2, name=f"pool{level + 1}")(x)

    halves = "a" if config.is_pretrained else "ab"
    x = _block(x, config.filters[-1], config.dropout[config.depth], config, name="bottom", halves=halves)

    for step, (filters, skip) in enumerate(zip(config.filters[-2::-1], reversed(skips), strict=True), start=1):
        level = config.depth - step + 1
        x = layers.Conv2DTranspose(filters, 2, strides=2, padding="same", name=f"rise{level}")(x)
        x = layers.Concatenate(name=f"skip{level}")([x, skip])
        halves = "ab"[: config.decoder_convolutions]
        x = _block(x, filters, config.dropout[config.depth + step], config, name=f"up{level}", halves=halves)

    activation = "sigmoid" if config.classes == 1 else "softmax"
    probability = layers.Conv2D(config.maps, 1, activation=activation, dtype="float32", name="probability")(x)
    return keras.Model(image, probability, name="unet")


def _block(x, filters: int, dropout: float, config: ModelConfig, name: str, halves: str = "ab"):
    """Two 3x3 convolutions, or one, each normalised and activated, with dropout after the first."""
    from keras import layers

    for half in halves:
        x = layers.Conv2D(filters, 3, padding="same", kernel_initializer="he_normal", name=f"{name}{half}")(x)
        if config.normalization == "batch":
            x = layers.BatchNormalization(name=f"{name}{half}_norm")(x)
        elif config.normalization == "group":
            x = layers.GroupNormalization(group_count(filters), name=f"{name}{half}_norm")(x)
        x = layers.Activation(config.activation, name=f"{name}{half}_{config.activation}")(x)
        if half == "a":
            x = layers.Dropout(dropout, name=f"{name}_dropout")(x)
    return x


def scaling(config: ModelConfig) -> tuple[float, float]:
    """Return by what the network multiplies values of 0 to 255, and what it then adds."""
    return (efficientnet.SCALE, efficientnet.OFFSET) if config.is_pretrained else (1 / 255, 0.0)


def skip_filters(config: ModelConfig) -> tuple[int, ...]:
    """Return the channels of each level's skip connection, from the image's own size to the last before the bottom."""
    return (config.filters[0], *efficientnet.FEATURES[:-1]) if config.is_pretrained else config.filters[:-1]


def weight_shapes(config: ModelConfig) -> Iterator[tuple[str, str, list[tuple[int, ...]]]]:
    """Walk along the U and tell each layer that has weights, without building it.

    Yields
    ------
    name : str
        As ``build_unet`` names the layer.
    kind : str
        Its class in Keras.
    shapes : list of tuple
        Of its values, in Keras' order: kernel and bias; scale, shift and, of a batch normalisation, mean and variance.
    """
    if config.is_pretrained:
        yield from efficientnet.encoder_shapes()
        yield from _block_shapes("bottom", efficientnet.FEATURES[-1], config.filters[-1], config, "a")
    else:
        incoming = config.channels
        names = [*(f"down{level}" for level in range(1, config.depth + 1)), "bottom"]
        for name, filters in zip(names, config.filters, strict=True):
            yield from _block_shapes(name, incoming, filters, config)
            incoming = filters
    incoming, skips = config.filters[-1], skip_filters(config)
    for level in range(config.depth, 0, -1):
        filters, skip = config.filters[level - 1], skips[level - 1]
        if config.is_pretrained and level == 1:  # where it is wanted: Keras orders layers by how far the end is
            yield from _block_shapes("down1", config.channels, filters, config, "a")
        yield f"rise{level}", "Conv2DTranspose", [(2, 2, filters, incoming), (filters,)]
        yield from _block_shapes(f"up{level}", filters + skip, filters, config, "ab"[: config.decoder_convolutions])
        incoming = filters
    yield "probability", "Conv2D", [(1, 1, incoming, config.maps), (config.maps,)]


def _block_shapes(
    name: str, incoming: int, filters: int, config: ModelConfig, halves: str = "ab"
) -> Iterator[tuple[str, str, list[tuple[int, ...]]]]:
    normalization = {"batch": ("BatchNormalization", 4), "group": ("GroupNormalization", 2)}.get(config.normalization)
    for half in halves:
        yield f"{name}{half}", "Conv2D", [(3, 3, incoming, filters), (filters,)]
        if normalization:
            kind, values = normalization
            yield f"{name}{half}_norm", kind, [(filters,)] * values
        incoming = filters


def group_count(filters: int) -> int:
    """At most 8 groups, as many as divide the filters."""
    return max(groups for groups in range(1, 9) if filters % groups == 0)


def different_weights(one: ModelConfig, other: ModelConfig) -> str | None:
    """Return the first setting because of which one's weights don't fit the other, or None if they do."""
    names = ("channels", "classes", "encoder", "filters", "normalization", "decoder_convolutions", "outputs")
    return next((name for name in names if getattr(one, name) != getattr(other, name)), None)


def reach(config: ModelConfig) -> int:
    """Return how many pixels away something can still change a pixel's probability, as a multiple of the U's step.

    Each 3x3 convolution reaches one pixel of its level; a level's pixel is ``2 ** level`` of the image's.
    """
    depth = config.depth
    down = sum(2 * 2**level for level in range(depth + 1))
    if config.is_pretrained:
        down = efficientnet.encoder_reach() + 2**depth
    up = sum(config.decoder_convolutions * 2**level for level in range(depth))
    step = 2**depth
    return -(-(down + up + step) // step) * step


def tile_size(config: ModelConfig) -> int:
    """Return height and width up to which an image is predicted at once: enough to keep most of a tile."""
    return max(TILE, 3 * reach(config))


def level_table(config: ModelConfig) -> list[dict]:
    """Describe the U level by level, without building it.

    Returns
    -------
    list of dict
        One row a block, along the U: ``block``, ``height``, ``width``, ``filters``, ``dropout``, ``parameters``
        (weights of the block, its transposed convolution included).
    """
    parameters: Counter[str] = Counter()
    for name, _, shapes in weight_shapes(config):
        block = name.partition("_")[0].replace("rise", "up").rstrip("ab")
        parameters[block] += sum(map(math.prod, shapes))
    depth, widths = config.depth, config.filters
    down = (widths[0], *efficientnet.FEATURES) if config.is_pretrained else widths[:-1]
    blocks = [(f"down{level + 1}", level, filters, level) for level, filters in enumerate(down)]
    blocks.append(("bottom", depth, widths[-1], depth))
    blocks += [(f"up{level + 1}", level, widths[level], 2 * depth - level) for level in reversed(range(depth))]
    blocks.append(("probability", 0, config.maps, -1))
    inside = {block: config.dropout[at] for block, _, _, at in blocks if at >= 0}
    if config.is_pretrained:
        inside |= dict.fromkeys((f"down{level}" for level in range(2, depth + 2)), 0.0)
    return [
        {
            "block": re.sub(r"(\d)", r" \1", block),
            "height": config.input_size[0] // 2**level,
            "width": config.input_size[1] // 2**level,
            "filters": filters,
            "dropout": inside.get(block, 0.0),
            "parameters": parameters[block],
        }
        for block, level, filters, _ in blocks
    ]


def count_parameters(config: ModelConfig) -> int:
    """Return the number of parameters of ``build_unet(config)``, without building it."""
    return sum(math.prod(shape) for *_, shapes in weight_shapes(config) for shape in shapes)
