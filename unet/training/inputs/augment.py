"""Augmentation: what may happen to a micrograph without changing what it shows."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from unet.config import TrainingConfig


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


def photometric(image: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Change stain, focus, gamma, contrast and noise at random.

    Parameters
    ----------
    image : (height, width, channels)
        Values 0 to 255.
    strength : float
        0 to 1.
    random : numpy.random.Generator

    Returns
    -------
    (height, width, channels) float32
        Values 0 to 255.
    """
    values = image.astype(np.float32) / 255
    if values.shape[2] == 3:
        values = _stain(values, strength, random)
    if random.random() < 0.3 * strength:
        values = ndimage.gaussian_filter(values, (sigma := random.uniform(0.4, 1.2), sigma, 0), truncate=2.5)
    values = np.clip(values, 0, 1) ** np.float32(np.exp(random.uniform(-0.8, 0.8) * strength))
    contrast = np.float32(1 + random.uniform(-0.5, 0.3) * strength)
    values = values * contrast + np.float32(random.uniform(-0.1, 0.2) * strength)
    if random.random() < 0.5:
        noise = random.uniform(0, 0.1) * strength
        values += random.standard_normal(values.shape[:2], np.float32)[..., None] * np.float32(noise)
    return np.clip(values * 255, 0, 255)


def _stain(values: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Scale the channels against one another and mix them a little; now and then leave only grey."""
    if random.random() < 0.3 * strength:
        weights = random.dirichlet((2.0, 2.0, 2.0)).astype(np.float32)
        return np.repeat((values @ weights)[..., None], 3, axis=2)
    if np.array_equal(values[::8, ::8, 0], values[::8, ::8, 2]):
        return values  # grey stays grey
    gains = np.exp(random.uniform(-0.3, 0.3, 3) * strength)
    mix = np.eye(3) + random.uniform(-0.15, 0.15, (3, 3)) * strength
    return values @ (mix * gains).astype(np.float32)
