"""A film of the layers: what a network makes of one square of an image after each epoch of its training."""

from __future__ import annotations

import dataclasses
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from unet.activations.drawing import stacks_of
from unet.activations.trace import TracedNetwork
from unet.config import ModelConfig
from unet.files import atomic_path
from unet.models.graph import build_graph
from unet.models.weights import Weights
from unet.settings import MB

# Height and width of the square, maps of each layer, and bytes of a film: beyond, every second frame goes.
SIDE, CHANNELS, MOST_BYTES = 64, 8, 16 * MB
STEP = 16  # from one square that may be filmed to the next
IMAGE = "image.png"


def eighths(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return each channel of (channels, height, width) as uint8 over its own range, and the ranges (channels, 2)."""
    flat = values.reshape(len(values), -1)
    low, high = flat.min(axis=1), flat.max(axis=1)
    span = np.where(high > low, high - low, 1)[:, None, None]
    levels = np.rint((values - low[:, None, None]) / span * 255).astype(np.uint8)
    return levels, np.stack([low, high], axis=1).astype(np.float32)


class Film:
    """Writes a frame after each epoch.

    Parameters
    ----------
    folder : Path
        Of the film.
    images : uint8 (images, height, width, channels)
        As the network is given them; the square that varies most is filmed.
    config : ModelConfig
        Of the network.
    """

    def __init__(self, folder: Path, images: np.ndarray, config: ModelConfig):
        height, width = (min(SIDE, side) for side in images.shape[1:3])
        tops, lefts = (range(0, side - SIDE + 1, STEP) or [0] for side in images.shape[1:3])
        squares = [image[top : top + height, left : left + width] for image in images for top in tops for left in lefts]
        self.folder, self.image = folder, max(squares, key=lambda square: float(square.std()))
        self.config = dataclasses.replace(config, input_size=(height, width))
        with atomic_path(folder / IMAGE) as temporary:
            Image.fromarray(self.image.squeeze()).save(temporary, format="PNG")

    def write(self, weights: Weights, epoch: int) -> None:
        """Write the frame of an epoch: the first maps of each layer that is drawn, 8 bits with their range."""
        trace = TracedNetwork(build_graph(self.config, weights, folded=False))(self.image)
        arrays: dict[str, Any] = {}
        for stack in stacks_of(trace):
            arrays[f"{stack.layer}:tiles"], arrays[f"{stack.layer}:ranges"] = eighths(trace[stack.layer][:CHANNELS])
        with atomic_path(self.folder / f"epoch-{epoch:05d}.npz") as temporary, temporary.open("wb") as file:
            np.savez_compressed(file, **arrays)
        shorten(self.folder)


def shorten(folder: Path) -> None:
    """Leave every second frame out, the last one aside, until the film is as small as it must be."""
    while True:
        frames = sorted(folder.glob("epoch-*.npz"))
        if sum(path.stat().st_size for path in frames) <= MOST_BYTES or len(frames) < 3:
            return
        for path in frames[:-1][1::2]:
            path.unlink()


def epochs_of(folder: Path) -> list[int]:
    """Return the epochs of which there are frames, in their order."""
    numbers = [path.stem.removeprefix("epoch-") for path in folder.glob("epoch-*.npz")]
    return sorted(int(each) for each in numbers if each.isdecimal())


def frame_of(folder: Path, epoch: int, layer: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a layer's tiles (maps, height, width) uint8 after an epoch, and their ranges (maps, 2) float32.

    Raises
    ------
    KeyError
        If the film does not show this layer, or not at this epoch.
    """
    try:
        with np.load(folder / f"epoch-{epoch:05d}.npz", allow_pickle=False) as stored:
            return stored[f"{layer}:tiles"], stored[f"{layer}:ranges"]
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise KeyError(layer) from error


def filmed_image(folder: Path) -> np.ndarray:
    """Return the square that is filmed, (height, width, 3) uint8.

    Raises
    ------
    OSError
        If there is no film.
    """
    with Image.open(folder / IMAGE, formats=["PNG"]) as image:
        return np.asarray(image.convert("RGB"))
