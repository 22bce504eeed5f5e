"""What may happen to the light of a micrograph without changing what it shows: other stains, lenses and cameras."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image
from scipy import ndimage


def photometric(image: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Change stain, texture, focus, gamma, contrast, noise and compression at random.

    Parameters
    ----------
    image : (height, width, channels)
        Values 0 to 255, the background dark.
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
    if random.random() < 0.5 * strength:
        values = _uneven(values, strength, random)
    if random.random() < 0.35 * strength:
        sigma = 0.4 * 6 ** random.random()
        values = ndimage.gaussian_filter(values, (sigma, sigma, 0), truncate=2.5)
    values = _tone(values, strength, random)
    if random.random() < 0.5:
        values = _noise(values, strength, random)
    values = np.clip(values * 255, 0, 255)
    return _compressed(values, random) if random.random() < 0.2 * strength else values


def _stain(values: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Scale the channels' densities against one another and mix them a little; now and then leave only grey."""
    if random.random() < 0.3 * strength:
        weights = random.dirichlet((2.0, 2.0, 2.0)).astype(np.float32)
        return np.repeat((values @ weights)[..., None], 3, axis=2)
    if np.array_equal(values[::8, ::8, 0], values[::8, ::8, 2]):
        return values  # grey stays grey
    # Of a stained section, turned round to have a dark background, 1 - value is the light that came through: its
    # logarithm is the density of the stain, so that a power of it is more or less stain.
    density = np.exp(random.uniform(-0.5, 0.5, 3) * strength).astype(np.float32)
    mix = np.eye(3) + random.uniform(-0.2, 0.2, (3, 3)) * strength
    return (1 - (1 - values) ** density) @ mix.astype(np.float32)


def _uneven(values: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Brighten some places and darken others: from chromatin (pixels) to the lamp (the whole crop)."""
    height, width = values.shape[:2]
    grain = 1.5 * 40 ** random.random()
    grid = random.standard_normal((int(height / grain) + 3, int(width / grain) + 3), np.float32)
    field = np.asarray(Image.fromarray(grid).resize((width, height), Image.Resampling.BICUBIC))
    return values * np.exp(field * np.float32(random.uniform(0, 0.5) * strength))[..., None]


def _tone(values: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    values = np.clip(values, 0, 1) ** np.float32(np.exp(random.uniform(-0.8, 0.8) * strength))
    if random.random() < 0.2 * strength:
        values = np.clip(values * np.float32(random.uniform(1, 2.5)), 0, 1)  # overexposed
    contrast = np.float32(1 + random.uniform(-0.5, 0.3) * strength)
    return values * contrast + np.float32(random.uniform(-0.1, 0.2) * strength)


def _noise(values: np.ndarray, strength: float, random: np.random.Generator) -> np.ndarray:
    """Add the camera's noise, half of the times as much more where there is more light."""
    noise = random.standard_normal(values.shape[:2], np.float32)[..., None]
    noise *= np.float32(random.uniform(0, 0.1) * strength)
    if random.random() < 0.5:
        noise = noise * 2 * np.sqrt(np.clip(values, 0, 1))
    return values + noise


def _compressed(values: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Store it as a JPEG of any quality, and read it again."""
    stored = io.BytesIO()
    picture = Image.fromarray(np.rint(values).astype(np.uint8).squeeze())
    picture.save(stored, "JPEG", quality=int(random.integers(15, 90)))
    return np.asarray(Image.open(stored), np.float32).reshape(values.shape)
