"""What the training makes small. Each loss takes the mask and the probability map and gives one value an image."""

from __future__ import annotations

from collections.abc import Callable

import keras
from keras import ops

from unet.config import ModelConfig

# What a pixel between touching nuclei weighs in the mask's cross-entropy beyond the 1 of every pixel.
BORDER_WEIGHT = 2.0
# What the border's own loss counts beside the mask's.
BORDER_SHARE = 0.5


def dice_loss(truth, probability, known=1.0):
    """Return 1 - the soft Dice coefficient, averaged over the foreground classes.

    Milletari, Navab and Ahmadi, "V-Net", 3DV 2016, with the plain sums of the Dice coefficient in the denominator.

    Parameters
    ----------
    truth, probability : tensor (batch, height, width, classes)
        Values 0 to 1; with more than one class, class 0 is the background and does not count.
    known : tensor (batch, height, width, 1)
        0 where nothing is known of the truth: what is predicted there does not count.

    Returns
    -------
    tensor (batch,)
        0 where both agree, 1 where they have nothing in common. An empty image predicted empty gives 0.
    """
    if probability.shape[-1] > 1:
        truth, probability = truth[..., 1:], probability[..., 1:]
    truth, probability = truth * known, probability * known
    # One pixel of smoothing keeps the gradient alive on images without foreground.
    overlap = ops.sum(truth * probability, axis=(1, 2))
    total = ops.sum(truth, axis=(1, 2)) + ops.sum(probability, axis=(1, 2))
    return 1 - ops.mean((2 * overlap + 1) / (total + 1), axis=-1)


def crossentropy(truth, probability, known=1.0):
    """Return the cross-entropy, averaged over the pixels of each image: binary for one class, else categorical."""
    if probability.shape[-1] == 1:
        pixels = keras.losses.binary_crossentropy(truth, probability)
    else:
        pixels = keras.losses.categorical_crossentropy(truth, probability)
    return ops.mean(pixels[..., None] * known, axis=(1, 2, 3))


def make_loss(name: str, config: ModelConfig) -> Callable:
    """Return the loss of that name (``unet.config.LOSSES``) for masks as they come in the batches.

    The mask is (batch, height, width, 1) of whole numbers: 0 and 1, or class indices. A network with heads learns
    (batch, height, width, 3): mask, border and distance, each 0 to 1; see ``heads_loss``. One channel more says, by 1
    and 0, where the mask is known; without it, it is everywhere.
    """
    parts = [{"crossentropy": crossentropy, "dice": dice_loss}[part] for part in name.split("+")]

    def loss(mask, probability):
        mask, known = split_known(mask)
        if config.has_heads:
            return heads_loss(ops.cast(mask, "float32"), probability, parts, known)
        truth = one_hot(mask, config.classes)
        return sum(part(truth, probability, known) for part in parts)

    loss.__name__ = name.replace("+", "_")
    return loss


def split_known(mask):
    """Return masks (one channel, or three) without the last one that says where they are known, and that, or 1.0."""
    if mask.shape[-1] % 2:
        return mask, 1.0
    return mask[..., :-1], ops.cast(mask[..., -1:], "float32")


def heads_loss(truth, maps, parts: list[Callable], known=1.0):
    """Return the loss of mask and border by ``parts``, and of the distance by its cross-entropy.

    Pixels where nuclei touch weigh more in the cross-entropy of the mask, which is what the weight map of the U-Net
    paper is for (Ronneberger, Fischer and Brox, MICCAI 2015, equation 2).

    Parameters
    ----------
    truth, maps : tensor (batch, height, width, 3)
        Mask, border and distance, 0 to 1.
    parts : list of callable
        ``crossentropy`` and ``dice_loss``, or one of them.
    known : tensor (batch, height, width, 1)
        As for ``dice_loss``.
    """
    mask, border, distance = ops.split(truth, 3, axis=-1)
    found_mask, found_border, found_distance = ops.split(maps, 3, axis=-1)
    near = ops.mean(known * border * _pixel_crossentropy(mask, found_mask), axis=(1, 2, 3))
    loss = BORDER_WEIGHT * near + crossentropy(distance, found_distance, known)
    for part in parts:
        # Borders are rare: one step's weight of their Dice outweighs what little of the image they are.
        loss += part(mask, found_mask, known) + BORDER_SHARE * part(border, found_border, known)
    return loss


def _pixel_crossentropy(truth, probability):
    return keras.losses.binary_crossentropy(truth, probability, axis=-1)[..., None]


def one_hot(mask, classes: int):
    """Turn masks (batch, height, width, 1) into float32 (batch, height, width, classes)."""
    if classes == 1:
        return ops.cast(mask, "float32")
    return ops.one_hot(ops.cast(mask[..., 0], "int32"), classes, dtype="float32")
