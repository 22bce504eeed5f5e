"""Augmentation: what may happen to a micrograph without changing what it shows."""

from __future__ import annotations

import numpy as np

from unet.config import TrainingConfig
from unet.training.inputs.photometric import photometric


def augment(
    images: np.ndarray, masks: np.ndarray, config: TrainingConfig, random: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Flip, turn and brighten a batch at random, each image by itself and its mask with it.

    Parameters
    ----------
    images : uint8 (batch, height, width, channels)
    masks : uint8 (batch, height, width) or (batch, height, width, maps)
    config : TrainingConfig
        ``flips``, ``quarter_turns``, ``brightness`` and ``photometric`` say what may happen.
    random : numpy.random.Generator

    Returns
    -------
    images, masks
        New arrays of the same shapes; images are float32, 0 to 255, where their values change, else uint8.
    """
    images, masks = images.copy(), masks.copy()
    for index in range(len(images)):
        turns = int(random.integers(4)) if config.quarter_turns else 0
        up_down, left_right = random.random(2) < 0.5 if config.flips else (False, False)
        for array in (images, masks):
            array[index] = _move(array[index], turns, up_down, left_right)
    if config.brightness:
        factors = random.uniform(1 - config.brightness, 1 + config.brightness, len(images))
        images = np.clip(images * factors[:, None, None, None].astype(np.float32), 0, 255)
    if config.photometric:
        images = np.stack([photometric(image, config.photometric, random) for image in images])
    return images, masks


def _move(array: np.ndarray, turns: int, up_down: bool, left_right: bool) -> np.ndarray:
    array = np.rot90(array, turns)
    if up_down:
        array = array[::-1]
    return array[:, ::-1] if left_right else array
