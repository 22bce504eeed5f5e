"""The U-Net: a contracting path, an expanding path and skip connections between them.

Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image Segmentation", MICCAI 2015.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from unet.config import ModelConfig

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
    x = layers.Rescaling(1 / 255, name="scale")(image)

    skips = []
    for level, filters in enumerate(config.filters[:-1]):
        x = _block(x, filters, config.dropout[level], config, name=f"down{level + 1}")
        skips.append(x)
        x = layers.MaxPooling2D(2, name=f"pool{level + 1}")(x)

    x = _block(x, config.filters[-1], config.dropout[config.depth], config, name="bottom")

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
    blocks = [(f"down{level + 1}", filters) for level, filters in enumerate(config.filters)]
    incoming = config.channels
    for name, filters in [*blocks[:-1], ("bottom", config.filters[-1])]:
        yield from _block_shapes(name, incoming, filters, config)
        incoming = filters
    for level in range(config.depth, 0, -1):
        filters = config.filters[level - 1]
        yield f"rise{level}", "Conv2DTranspose", [(2, 2, filters, incoming), (filters,)]
        yield from _block_shapes(f"up{level}", 2 * filters, filters, config, "ab"[: config.decoder_convolutions])
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
    names = ("channels", "classes", "filters", "normalization", "decoder_convolutions", "outputs")
    return next((name for name in names if getattr(one, name) != getattr(other, name)), None)


def reach(config: ModelConfig) -> int:
    """Return how many pixels away something can still change a pixel's probability, as a multiple of the U's step.

    Each 3x3 convolution reaches one pixel of its level; a level's pixel is ``2 ** level`` of the image's.
    """
    depth = config.depth
    down = sum(2 * 2**level for level in range(depth + 1))
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
    depth, filters = config.depth, config.filters
    levels = [*range(depth + 1), *range(depth - 1, -1, -1)]
    rows, incoming = [], config.channels
    for index, level in enumerate(levels):
        width = filters[level]
        rising = index > depth
        rise = 4 * incoming * width + width if rising else 0
        block = "bottom" if level == depth else f"{'up' if rising else 'down'} {level + 1}"
        first = 2 * width if rising else incoming
        second = 0 if rising and config.decoder_convolutions == 1 else _convolution(width, width, config)
        rows.append(
            {
                "block": block,
                "height": config.input_size[0] // 2**level,
                "width": config.input_size[1] // 2**level,
                "filters": width,
                "dropout": config.dropout[index],
                "parameters": rise + _convolution(first, width, config) + second,
            }
        )
        incoming = width
    rows.append(
        {
            "block": "probability",
            "height": config.input_size[0],
            "width": config.input_size[1],
            "filters": config.maps,
            "dropout": 0.0,
            "parameters": incoming * config.maps + config.maps,
        }
    )
    return rows


def _convolution(incoming: int, filters: int, config: ModelConfig) -> int:
    normalisation = {"none": 0, "group": 2, "batch": 4}[config.normalization] * filters
    return 9 * incoming * filters + filters + normalisation


def count_parameters(config: ModelConfig) -> int:
    """Return the number of parameters of ``build_unet(config)``, without building it."""
    return sum(row["parameters"] for row in level_table(config))
