"""What the training makes small. Each loss takes the mask and the probability map and gives one value an image."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from unet.config import ModelConfig


def dice_loss(truth, probability):
    """Return 1 - the soft Dice coefficient, averaged over the foreground classes.

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, with the plain sums of the Dice coefficient in the denominator.

    Parameters
    ----------
    truth, probability : tensor (batch, height, width, classes)
        Values 0 to 1; with more than one class, class 0 is the background and does not count.

    Returns
    -------
    tensor (batch,)
        0 where both agree, 1 where they have nothing in common. An empty image predicted empty gives 0.
    """
    if probability.shape[-1] > 1:
        truth, probability = truth[..., 1:], probability[..., 1:]
    # One pixel of smoothing keeps the gradient alive on images without foreground.
    overlap = ops.sum(truth * probability, axis=(1, 2))
    total = ops.sum(truth, axis=(1, 2)) + ops.sum(probability, axis=(1, 2))
    return 1 - ops.mean((2 * overlap + 1) / (total + 1), axis=-1)


def crossentropy(truth, probability):
    """Return the cross-entropy, averaged over the pixels of each image: binary for one class, else categorical."""
    if probability.shape[-1] == 1:
        pixels = keras.losses.binary_crossentropy(truth, probability)
    else:
        pixels = keras.losses.categorical_crossentropy(truth, probability)
    return ops.mean(pixels, axis=(1, 2))


def make_loss(name: str, config: ModelConfig) -> Callable:
    """Return the loss of that name (``unet.config.LOSSES``) for masks as the batches bring them.

    The mask is (batch, height, width, 1) of whole numbers: 0 and 1, or class indices.
    """
    parts = [{"crossentropy": crossentropy, "dice": dice_loss}[part] for part in name.split("+")]

    def loss(mask, probability):
        truth = one_hot(mask, config.classes)
        return sum(part(truth, probability) for part in parts)

    loss.__name__ = name.replace("+", "_")
    return loss


def one_hot(mask, classes: int):
    """Turn masks (batch, height, width, 1) into float32 (batch, height, width, classes)."""
    if classes == 1:
        return ops.cast(mask, "float32")
    return ops.one_hot(ops.cast(mask[..., 0], "int32"), classes, dtype="float32")
