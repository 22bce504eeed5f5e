"""Small datasets that the tests make for themselves."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
from PIL import Image


def draw_discs(count: int, size: tuple[int, int], seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return an (H, W, 3) uint8 image of bright discs on dark ground, and their (H, W) uint8 label map."""
    random = np.random.default_rng(seed)
    rows, columns = np.mgrid[: size[0], : size[1]]
    labels = np.zeros(size, np.uint8)
    for number in range(1, count + 1):
        radius = random.uniform(0.06, 0.12) * min(size)
        row, column = (random.uniform(radius, side - radius) for side in size)
        disc = (rows - row) ** 2 + (columns - column) ** 2 < radius**2
        labels[disc & (labels == 0)] = number
    grey = np.where(labels > 0, 180, 20) + random.normal(0, 8, size)
    return np.repeat(grey.clip(0, 255).astype(np.uint8)[..., None], 3, axis=-1), labels


def write_tutorial(folder: Path, count: int = 6, size: tuple[int, int] = (48, 64), seed: int = 0) -> Path:
    """Write samples as ``<folder>/<id>/images/<id>.png`` and one PNG a nucleus in ``<folder>/<id>/masks``."""
    for index in range(count):
        name = f"sample{index:02d}"
        image, labels = draw_discs(5, size, seed * 1000 + index)
        (folder / name / "images").mkdir(parents=True)
        (folder / name / "masks").mkdir()
        Image.fromarray(image).save(folder / name / "images" / f"{name}.png")
        for number in np.unique(labels[labels > 0]):
            mask = Image.fromarray(np.where(labels == number, 255, 0).astype(np.uint8))
            mask.save(folder / name / "masks" / f"{name}_{number:03d}.png")
    return folder


def write_pairs(folder: Path, count: int = 6, size: tuple[int, int] = (48, 64), seed: int = 0) -> Path:
    """Write samples as ``<folder>/images/<id>.png`` and label maps ``<folder>/masks/<id>.png``."""
    for part in ("images", "masks"):
        (folder / part).mkdir(parents=True)
    for index in range(count):
        image, labels = draw_discs(5, size, seed * 1000 + index)
        Image.fromarray(image).save(folder / "images" / f"sample{index:02d}.png")
        Image.fromarray(labels).save(folder / "masks" / f"sample{index:02d}.png")
    return folder


def zip_folder(folder: Path, archive: Path) -> Path:
    """Write all files below ``folder`` into a zip, with the folder's own name before theirs."""
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as output:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                output.write(path, path.relative_to(folder.parent))
    return archive
