"""Synthetic fluorescence nuclei whose label maps are known exactly: samples that need no download.

Each image is a scene of its own, drawn the way a microscope makes one: nuclei with chromatin texture, some of them
touching and some out of focus, are lit unevenly, blurred by the optics, and read by a camera that has an offset, shot
noise and read noise. Sizes, contrast and noise are those of widefield images of DNA stains.

``python -m unet.datasets.synthetic.nuclei`` draws the sample images that the app ships.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image

from unet.datasets.synthetic.optics import Scene, collect_light, draw_scene, take_picture
from unet.settings import SAMPLE_IMAGES

# The images that the app ships: the seeds were chosen by eye, for scenes that differ in size, density and light.
SHIPPED = {
    "touching": (41, (256, 320)),
    "crowded": (8, (256, 320)),
    "sparse": (46, (256, 320)),
    "uneven-light": (21, (256, 320)),
    "out-of-focus": (42, (320, 320)),
    "wide-field": (58, (384, 512)),
}


def generate_nuclei(
    seed: int, size: tuple[int, int] = (256, 256), nuclei: int | None = None
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one fluorescence image and its label map; the same arguments give the same pixels.

    Parameters
    ----------
    seed : int
    size : tuple of int
        Height and width in pixels, each at least 32.
    nuclei : int, optional
        How many nuclei to draw; fewer where no more fit. By default the scene decides.

    Returns
    -------
    image : np.ndarray
        (H, W) uint8.
    labels : np.ndarray
        (H, W) uint16: 0 for background, 1 to N for the nuclei.

    Raises
    ------
    ValueError
        If the image is to be smaller than 32 pixels or ``nuclei`` is negative.
    """
    if min(size) < 32:
        raise ValueError(f"size is {size}; a scene needs at least 32 pixels on each side.")
    if nuclei is not None and nuclei < 0:
        raise ValueError(f"nuclei is {nuclei}; it must be 0 or more.")
    random = np.random.default_rng(seed)
    scene = draw_scene(random, size)
    if nuclei is None:
        nuclei = max(1, round(scene.cover * size[0] * size[1] / (np.pi * scene.radius**2)))
    labels, sharp, blurred = _place(random, scene, size, nuclei)
    light = collect_light(random, scene, labels, sharp, blurred)
    return take_picture(random, scene, light), labels


# ---- the specimen ----------------------------------------------------------------------------------------------


def _place(
    random: np.random.Generator, scene: Scene, size: tuple[int, int], nuclei: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Set nuclei one by one; return the label map and the brightness of those in and out of focus."""
    labels = np.zeros(size, np.uint16)
    sharp, blurred = np.zeros(size), np.zeros(size)
    placed: list[tuple[float, float, float]] = []  # row, column, radius
    for _ in range(12 * nuclei):
        if len(placed) == nuclei:
            break
        dividing = random.random() < 0.03
        radius = scene.radius * random.lognormal(0.0, 0.16) * (0.75 if dividing else 1.0)
        centre = _choose_centre(random, scene, size, placed, radius)
        window, inside = _outline(random, size, centre, radius, elongation=2.3 if dividing else None)
        free = inside & (labels[window] == 0)
        # A nucleus mostly hidden by others, or cut off by the image's edge to a sliver, would be no example.
        if free.sum() < max(0.75 * inside.sum(), 0.25 * np.pi * radius**2):
            continue
        labels[window][free] = len(placed) + 1
        level = scene.level * random.lognormal(0.0, 0.28) * (1.9 if dividing else 1.0)
        if not dividing and random.random() < scene.defocused:
            blurred[window][free] = level * random.uniform(0.35, 0.7)
        else:
            sharp[window][free] = level
        placed.append((*centre, radius))
    return labels, sharp, blurred


def _choose_centre(
    random: np.random.Generator,
    scene: Scene,
    size: tuple[int, int],
    placed: list[tuple[float, float, float]],
    radius: float,
) -> tuple[float, float]:
    """Return a centre anywhere, or against a nucleus that is there already."""
    if placed and random.random() < scene.clustering:
        row, column, other = placed[random.integers(len(placed))]
        angle = random.uniform(0, 2 * np.pi)
        distance = (radius + other) * random.uniform(0.9, 1.05)
        return row + distance * np.sin(angle), column + distance * np.cos(angle)
    return random.uniform(0, size[0]), random.uniform(0, size[1])


def _outline(
    random: np.random.Generator,
    size: tuple[int, int],
    centre: tuple[float, float],
    radius: float,
    elongation: float | None = None,
) -> tuple[tuple[slice, slice], np.ndarray]:
    """Draw an ellipse with a smooth irregular edge; return the window it lies in and its (h, w) bool mask there."""
    elongation = elongation or random.uniform(1.05, 1.75)
    turn = random.uniform(0, np.pi)
    reach = int(np.ceil(radius * np.sqrt(elongation) * 1.35))
    starts = [max(0, int(c) - reach) for c in centre]
    stops = [max(start, min(side, int(c) + reach + 1)) for start, c, side in zip(starts, centre, size, strict=True)]
    rows, columns = np.ogrid[starts[0] : stops[0], starts[1] : stops[1]]
    rows, columns = rows - centre[0], columns - centre[1]
    along = (columns * np.cos(turn) + rows * np.sin(turn)) / np.sqrt(elongation)
    across = (rows * np.cos(turn) - columns * np.sin(turn)) * np.sqrt(elongation)
    angle = np.arctan2(across, along)
    edge = np.ones_like(angle)
    for harmonic in range(2, 6):
        edge += random.normal(0, 0.3 / harmonic**2) * np.cos(harmonic * angle + random.uniform(0, 2 * np.pi))
    window = (slice(starts[0], stops[0]), slice(starts[1], stops[1]))
    return window, along**2 + across**2 < (radius * edge) ** 2


# ---- on disk ---------------------------------------------------------------------------------------------------


def write_dataset(
    folder: Path,
    count: int = 64,
    size: tuple[int, int] = (256, 256),
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Write a dataset in the tutorial's layout; the same arguments give the same bytes.

    ``<folder>/<id>/images/<id>.png`` holds the image, ``<folder>/<id>/masks/<id>_NNN.png`` one nucleus each, 0 or 255.

    Parameters
    ----------
    folder : Path
        It is made if need be.
    count : int
        How many samples.
    size : tuple of int
        Height and width in pixels.
    seed : int
        Datasets of different seeds share no image.
    progress : callable, optional
        Takes the number of samples written and their total.
    """

    def write(index: int) -> None:
        _write_sample(folder, f"synthetic-{seed}-{index:03d}", *generate_nuclei(_scene_seed(seed, index), size))

    # Compressing and writing release the GIL, drawing partly does.
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(pool.map(write, range(count)), start=1):
            if progress:
                progress(done, count)


def _scene_seed(seed: int, index: int) -> int:
    return int(np.random.SeedSequence([seed, index]).generate_state(1)[0])


def _write_sample(folder: Path, name: str, image: np.ndarray, labels: np.ndarray) -> None:
    images, masks = folder / name / "images", folder / name / "masks"
    images.mkdir(parents=True)
    masks.mkdir()
    Image.fromarray(image).save(images / f"{name}.png")
    for number in range(1, int(labels.max()) + 1):
        mask = Image.fromarray(np.where(labels == number, 255, 0).astype(np.uint8))
        mask.save(masks / f"{name}_{number:03d}.png", compress_level=1)


def write_samples(folder: Path = SAMPLE_IMAGES) -> None:
    """Draw the sample images that the app ships, 8-bit grey PNGs."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, (seed, size) in SHIPPED.items():
        Image.fromarray(generate_nuclei(seed, size)[0]).save(folder / f"{name}.png", optimize=True)


if __name__ == "__main__":
    write_samples()
