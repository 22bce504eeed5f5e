"""From an image to its probability map: the one seam behind which a network works."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from unet.data.intensity import bring
from unet.data.pixels import resize_image, resize_probability
from unet.model.folder import ModelInfo, load_model, read_info
from unet.model.info import largest_tensor
from unet.prediction.tiles import predict_tiled

if TYPE_CHECKING:
    import keras

MAX_BATCH = 8
# Values in the largest tensor of a batch: 256 MiB of float32.
BATCH_TENSOR = 2**26


@dataclass(frozen=True)
class Prediction:
    """What a model says of one image.

    Attributes
    ----------
    probability : (height, width) float32
        Probability of foreground, 0 to 1, at the image's own size. With several classes: 1 - background.
    classes : (height, width) uint8, or None
        With several classes, the most probable foreground class of each pixel, 1 to n, whatever its probability;
        ``class_map`` says where there is foreground at all.
    border, distance : (height, width) float32, or None
        Of a model with these heads: probability that nuclei touch, and distance from the nucleus' edge as a share of
        its greatest, each 0 to 1.
    """

    probability: np.ndarray
    classes: np.ndarray | None = None
    border: np.ndarray | None = None
    distance: np.ndarray | None = None

    def class_map(self, threshold: float) -> np.ndarray:
        """Return the class (height, width) uint8 of each pixel above the threshold; 0 is background."""
        mask = (self.probability > threshold).astype(np.uint8)
        return mask if self.classes is None else mask * self.classes


class Predictor:
    """A model ready to predict, safe to use from several threads.

    Example
    -------
    >>> predictor = Predictor.open("assets/models/tutorial")  # doctest: +SKIP
    >>> mask = predictor.predict(image).probability > predictor.info.threshold  # doctest: +SKIP
    """

    def __init__(self, model: keras.Model, info: ModelInfo):
        self.info = info
        self._model = model
        # Keras does not support predicting with one model from several threads.
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path | str) -> Predictor:
        """Load a Model folder.

        Raises
        ------
        ModelError
            If the folder is incomplete, damaged, or not to be trusted.
        """
        folder = Path(folder)
        return cls(load_model(folder), read_info(folder))

    def warm(self) -> None:
        """Predict nothing once, so that the first image does not wait for the network to be compiled."""
        self.predict(np.zeros((8, 8), np.uint8))

    def predict(self, image: np.ndarray) -> Prediction:
        """Predict one image.

        Parameters
        ----------
        image : (height, width) or (height, width, channels)
            Of any depth and number of channels, as ``unet.read_image`` gives it.

        Returns
        -------
        Prediction
        """
        return self.predict_batch([image])[0]

    def predict_batch(self, images: Sequence[np.ndarray]) -> list[Prediction]:
        """Predict images of any sizes, several at a time, which keeps all cores busy.

        Parameters
        ----------
        images : sequence of (height, width) or (height, width, channels)

        Returns
        -------
        list of Prediction
            In the order of the images.
        """
        config = self.info.config
        if config.is_native:
            return [self._predict_native(image) for image in images]
        step = max(1, min(MAX_BATCH, BATCH_TENSOR // largest_tensor(config)))
        found = []
        for start in range(0, len(images), step):
            part = images[start : start + step]
            batch = [resize_image(bring(image, config), config.input_size) for image in part]
            with self._lock:
                maps = self._model.predict_on_batch(np.stack(batch))
            found += [_at_own_size(map_, image.shape[:2]) for map_, image in zip(np.asarray(maps), part, strict=True)]
        return found

    def _predict_native(self, image: np.ndarray) -> Prediction:
        config = self.info.config
        maps = predict_tiled(self._run, bring(image, config), config)
        if config.has_heads:
            mask, border, distance = (np.ascontiguousarray(maps[..., index]) for index in range(3))
            return Prediction(mask, border=border, distance=distance)
        return Prediction(maps[..., 0])

    def _run(self, image: np.ndarray) -> np.ndarray:
        with self._lock:
            return np.asarray(self._model.predict_on_batch(image[None]))[0]


def _at_own_size(maps: np.ndarray, size: tuple[int, int]) -> Prediction:
    """Bring the network's maps (height, width, classes) to the image's size, one class at a time to spare memory."""
    if maps.shape[-1] == 1:
        return Prediction(resize_probability(maps[..., 0], size))
    best = resize_probability(maps[..., 1], size)
    classes = np.ones(size, np.uint8)
    for index in range(2, maps.shape[-1]):
        other = resize_probability(maps[..., index], size)
        better = other > best
        best[better], classes[better] = other[better], index
    return Prediction(resize_probability(1 - maps[..., 0], size), classes)
