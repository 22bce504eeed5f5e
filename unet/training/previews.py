"""The same few validation images after each epoch, so that one can watch the network learn."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from unet.files import atomic_path
from unet.training.inputs.batches import Batches

if TYPE_CHECKING:
    import keras

COUNT = 4


class Previews:
    """Writes the preview pictures of a run.

    Parameters
    ----------
    folder : Path
        ``previews/`` of the Run folder.
    validation : Batches
        The first few images, or crops, are shown.
    classes : int
        Of the network.
    """

    def __init__(self, folder: Path, validation: Batches, classes: int = 1):
        self.folder, self.classes = folder, classes
        self.images, targets = validation.read(validation.plan(0)[:COUNT])
        for number, (image, target) in enumerate(zip(self.images, targets, strict=True)):
            self._save(f"{number}-image.png", image.squeeze())
            self._save(f"{number}-truth.png", np.where(target[..., 0] > 0, 255, 0))

    def write(self, model: keras.Model, epoch: int) -> None:
        """Predict the images and write their probability maps of this epoch."""
        maps = np.asarray(model.predict_on_batch(self.images))
        foreground = 1 - maps[..., 0] if self.classes > 1 else maps[..., 0]
        for number, probability in enumerate(foreground):
            self._save(f"{number}-epoch-{epoch:04d}.png", np.rint(probability * 255))

    def _save(self, name: str, picture: np.ndarray) -> None:
        with atomic_path(self.folder / name) as temporary:
            Image.fromarray(picture.astype(np.uint8)).save(temporary, format="PNG")
