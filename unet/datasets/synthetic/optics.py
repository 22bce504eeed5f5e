"""How a widefield fluorescence microscope sees a specimen: optics, uneven light, camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image
from scipy.ndimage import gaussian_filter


@dataclass(frozen=True)
class Scene:
    """What one image's nuclei, light and camera have in common."""

    radius: float  # typical radius, in pixels
    cover: float  # share of the image that nuclei are to cover, 0 to 1
    clustering: float  # share of nuclei set against another one
    defocused: float  # share of nuclei out of focus
    level: float  # typical brightness above the background, in grey levels
    texture: float  # contrast of the chromatin
    foci: float  # brightness of the bright spots in it, as a share of the nucleus's
    unevenness: float  # how much darker than the brightest the darkest corner is, 0 to 1
    haze: float  # light from above and below the focal plane, in grey levels
    offset: float  # the camera's black level, in grey levels
    photons: float  # photons for one grey level: few make grainy images
    read_noise: float  # in grey levels


def draw_scene(random: np.random.Generator, size: tuple[int, int]) -> Scene:
    """Draw the conditions of one image of the given height and width."""
    radius = np.exp(random.uniform(np.log(6.5), np.log(17)))
    return Scene(
        radius=max(3.0, min(radius, min(size) / 7)),
        cover=random.uniform(0.07, 0.26),
        clustering=random.uniform(0.15, 0.5),
        defocused=random.uniform(0.0, 0.3),
        level=np.exp(random.uniform(np.log(45), np.log(150))),
        texture=random.uniform(0.08, 0.22),
        foci=random.choice([0.0, 0.0, 0.25, 0.6]),
        unevenness=random.uniform(0.1, 0.5),
        haze=random.exponential(5.0),
        offset=random.uniform(3, 14),
        photons=random.uniform(2.5, 12),
        read_noise=random.uniform(0.4, 1.4),
    )


def collect_light(
    random: np.random.Generator, scene: Scene, labels: np.ndarray, sharp: np.ndarray, blurred: np.ndarray
) -> np.ndarray:
    """Return the light that reaches the camera, (H, W) float64 in grey levels."""
    texture = 1 + scene.texture * (
        _clouds(random, labels.shape, 0.9) + 0.8 * _clouds(random, labels.shape, 0.22 * scene.radius)
    )
    if scene.foci:
        spots = _clouds(random, labels.shape, max(1.0, 0.11 * scene.radius))
        texture += scene.foci * np.clip(spots - 1.3, 0, 1.5)
    # Nuclei are thinner at their rim, so they are darker there.
    rounded = gaussian_filter((labels > 0).astype(float), 0.18 * scene.radius)
    specimen = np.clip(texture, 0.3, None) * (0.45 + 0.55 * np.clip(2 * rounded - 0.9, 0, 1))
    light = gaussian_filter(sharp * specimen, 0.8)
    light += gaussian_filter(blurred * specimen, max(1.6, 0.22 * scene.radius))
    light += 0.12 * gaussian_filter(light, 1.6 * scene.radius, truncate=2.5)
    light += scene.haze * np.clip(1 + 0.5 * _clouds(random, labels.shape, min(labels.shape) / 6), 0, None)
    return light * _illumination(random, scene, labels.shape)


def _clouds(random: np.random.Generator, size: tuple[int, int], scale: float) -> np.ndarray:
    """Return smooth noise of mean 0 and deviation 1; above 3 pixels of scale it is drawn coarsely and enlarged."""
    step = max(1, int(scale / 3))
    coarse = random.normal(size=tuple(side // step + 2 for side in size))
    smooth = gaussian_filter(coarse, scale / step, mode="wrap")
    smooth = (smooth - smooth.mean()) / (smooth.std() + 1e-9)
    if step == 1:
        return smooth[: size[0], : size[1]]
    enlarged = Image.fromarray(smooth.astype(np.float32)).resize(
        tuple(step * side for side in reversed(smooth.shape)), Image.Resampling.BICUBIC
    )
    return np.asarray(enlarged, float)[: size[0], : size[1]]


def _illumination(random: np.random.Generator, scene: Scene, size: tuple[int, int]) -> np.ndarray:
    """Return the share of light each place gets: a broad bright spot somewhere in the image."""
    rows, columns = (np.linspace(-1, 1, side) for side in size)
    row, column = random.uniform(-0.7, 0.7, 2)
    distance = (rows[:, None] - row) ** 2 + (columns[None, :] - column) ** 2
    return 1 - scene.unevenness * distance / distance.max()


def take_picture(random: np.random.Generator, scene: Scene, light: np.ndarray) -> np.ndarray:
    """Count photons, add the offset and the read noise; return (H, W) uint8."""
    counted = random.poisson(light * scene.photons) / scene.photons
    grey = scene.offset + counted + random.normal(0, scene.read_noise, light.shape)
    return np.clip(np.rint(grey), 0, 255).astype(np.uint8)
