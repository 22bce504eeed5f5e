"""From an image to its probability map: the one seam behind which a network works."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from unet.memmap import LARGE_PIXELS, downscale_mean, new_map
from unet.models.limits import largest_tensor
from unet.models.metadata import ModelInfo, read_info
from unet.prediction.fitting import CLOSELY, COARSE, SECOND, fitted_scale, gains_by_second_view, middle, usual_diameter
from unet.prediction.maps import Prediction, Seen
from unet.prediction.object_size import sizes_of
from unet.prediction.resizing import average, prediction_at_size, resize_normalized, resize_prediction
from unet.prediction.tiles import predict_tiled
from unet.preprocess.adjust import ImageAdjustments, scaled_size
from unet.preprocess.channels import channels_seen
from unet.preprocess.normalize import make_normalizer
from unet.preprocess.resize import resize_image

MAX_BATCH = 8
# Values in the largest tensor of a batch: 256 MiB of float32.
BATCH_TENSOR = 2**26
AS_IT_IS = ImageAdjustments()
# A network that sees 1024 pixels at most gets large images from a view of this height and width.
RESIZED_FROM = 4096


class Predictor:
    """A model ready to predict, safe to use from several threads.

    Example
    -------
    >>> predictor = Predictor.open("assets/models/tutorial")  # doctest: +SKIP
    >>> mask = predictor.predict(image).mask(predictor.info.threshold)  # doctest: +SKIP
    """

    def __init__(
        self,
        network: Callable[[np.ndarray], np.ndarray],
        info: ModelInfo,
        release: Callable[[], None] = lambda: None,
    ):
        """Take what turns images (batch, height, width, channels) uint8 into maps (batch, height, width, maps).

        ``release`` is called when an image is done: it gives back the memory that is kept from tile to tile.
        """
        self.info = info
        self._network, self._release = network, release
        # One pass has all cores for itself, and two at a time would take the memory of both.
        self._lock = threading.Lock()

    @classmethod
    def open(cls, folder: Path | str) -> Predictor:
        """Load a Model folder.

        Raises
        ------
        ModelError
            If the folder is incomplete, damaged, or not to be trusted.
        """
        from unet.models.runtime import Network, release_memory

        folder = Path(folder)
        return cls(Network.open(folder), read_info(folder), release_memory)

    def predict(
        self,
        image: np.ndarray,
        *,
        preparation: ImageAdjustments = AS_IT_IS,
        folder: Path | None = None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Prediction:
        """Predict one image.

        Parameters
        ----------
        image : (height, width) or (height, width, channels)
            Of any depth and number of channels, as ``unet.read_image`` or ``unet.io.images.map_image`` gives it.
        preparation : ImageAdjustments
            What is done to the image first. A scale is of no effect for models that resize all images to one size.
        folder : Path, optional
            Where the maps of an image of more than ``LARGE_PIXELS`` are kept, for as long as somebody holds the
            prediction; without it, in memory.
        progress : callable, optional
            Takes the number of tiles done and their total; what it raises ends the work.

        Returns
        -------
        Prediction
            At the size of the image as it was given.

        Raises
        ------
        ImageError
            If the image cannot be prepared so, or the disk has no room for its maps.
        """
        if not self.info.config.is_native:
            return self._predict_resized([image], preparation, folder)[0]
        return self._predict_native(image, preparation, folder, progress)

    def predict_batch(
        self, images: Sequence[np.ndarray], *, preparation: ImageAdjustments = AS_IT_IS, folder: Path | None = None
    ) -> list[Prediction]:
        """Predict images of any sizes, several at a time, which keeps all cores busy.

        Parameters
        ----------
        images : sequence of (height, width) or (height, width, channels)
        preparation, folder
            As for ``predict``.

        Returns
        -------
        list of Prediction
            In the order of the images.
        """
        if self.info.config.is_native:
            return [self._predict_native(image, preparation, folder) for image in images]
        step = max(1, min(MAX_BATCH, BATCH_TENSOR // largest_tensor(self.info.config)))
        parts = (images[start : start + step] for start in range(0, len(images), step))
        return [found for part in parts for found in self._predict_resized(part, preparation, folder)]

    def scale_for(self, image: np.ndarray, preparation: ImageAdjustments = AS_IT_IS) -> float:
        """Return the scale at which nuclei are as large as the model knows them, by a coarse look at the middle.

        Parameters
        ----------
        image, preparation
            As for ``predict``.

        Returns
        -------
        float
            1 but where the nuclei are too large; also for models that resize all images to one size.
        """
        if not self.info.config.is_native or not sizes_of(self.info):
            return 1.0
        normalizer = make_normalizer(
            image, self.info.config, preparation.invert, channels_seen(image, self.info.config, preparation.channels)
        )
        return fitted_scale(self._diameter(image[middle(image.shape)], normalizer, COARSE), self.info)

    def _predict_resized(
        self, images: Sequence[np.ndarray], preparation: ImageAdjustments, folder: Path | None
    ) -> list[Prediction]:
        size = self.info.config.input_size
        batch, seen = [], []
        for image in images:
            image = _small(image)
            choice = channels_seen(image, self.info.config, preparation.channels)
            seen.append(Seen(choice))
            normalizer = make_normalizer(image, self.info.config, preparation.invert, choice)
            batch.append(resize_image(normalizer(image), size))
        maps = self._run(np.stack(batch))
        self._release()
        return [
            dataclasses.replace(prediction_at_size(map_, image.shape[:2], folder), seen=each)
            for map_, image, each in zip(maps, images, seen, strict=True)
        ]

    def _predict_native(
        self,
        image: np.ndarray,
        preparation: ImageAdjustments,
        folder: Path | None,
        progress: Callable[[int, int], None] | None = None,
    ) -> Prediction:
        choice = channels_seen(image, self.info.config, preparation.channels)
        normalizer = make_normalizer(image, self.info.config, preparation.invert, choice)
        scale, across, second = preparation.scale, None, None
        if preparation.fit and scale == 1 and sizes_of(self.info):
            across = self._diameter(image[middle(image.shape)], normalizer, COARSE)
            scale = fitted_scale(across, self.info)
        found = self._predict_scaled(image, normalizer, scale, folder, progress)
        if scale != preparation.scale:
            again = usual_diameter(found, self.info)
            across = None if again is None else again / scale
            if fitted_scale(across, self.info) == 1:
                # What looked like large nuclei from afar were clumps of small ones.
                scale = 1.0
                found = self._predict_scaled(image, normalizer, scale, folder, progress)
        if across is not None and gains_by_second_view(across * scale, self.info):
            seen = usual_diameter(found.crop(*middle(found.shape, CLOSELY)), self.info)
            if seen is not None and gains_by_second_view(seen, self.info):
                across, second = seen / scale, round(scale * SECOND, 3)
                average(found, self._predict_scaled(image, normalizer, second, folder, progress))
        if found.shape != image.shape[:2]:
            found = resize_prediction(found, image.shape[:2], folder)
        fitted = scale != preparation.scale or second is not None
        return dataclasses.replace(found, seen=Seen(choice, scale, across if fitted else None, second))

    def _diameter(
        self, image: np.ndarray, normalizer: Callable[[np.ndarray], np.ndarray], scale: float
    ) -> float | None:
        found = usual_diameter(self._predict_scaled(image, normalizer, scale, None, None), self.info)
        return None if found is None else found / scale

    def _predict_scaled(
        self,
        image: np.ndarray,
        normalizer: Callable[[np.ndarray], np.ndarray],
        scale: float,
        folder: Path | None,
        progress: Callable[[int, int], None] | None,
    ) -> Prediction:
        """Return the prediction of an image at a scale of it, of that size."""
        height, width = image.shape[:2]
        size = scaled_size(height, width, scale)
        if size == (height, width):
            return self._predict_tiles(image, normalizer, folder, progress)
        scaled = resize_normalized(image, normalizer, size, folder)
        return self._predict_tiles(scaled, lambda part: part, folder, progress)

    def _predict_tiles(
        self,
        image: np.ndarray,
        normalizer: Callable[[np.ndarray], np.ndarray],
        folder: Path | None,
        progress: Callable[[int, int], None] | None,
    ) -> Prediction:
        config, size = self.info.config, image.shape[:2]
        types = (np.uint16, np.uint8, np.uint8) if config.has_heads else (np.uint16,)
        levels, *others = (new_map(size, dtype, folder) for dtype in types)
        prediction = Prediction(levels, None, *others)
        tiles = predict_tiled(lambda part: self._run(normalizer(part)[None])[0], image, config, progress=progress)
        try:
            for region, found in tiles:
                mask, *heads = np.moveaxis(found, -1, 0)[: len(types)]
                prediction.put(*region, Prediction.of(mask, None, *heads))
        finally:
            self._release()
        return prediction

    def _run(self, batch: np.ndarray) -> np.ndarray:
        with self._lock:
            return self._network(batch)


def _small(image: np.ndarray) -> np.ndarray:
    """Spare memory where the network sees far fewer pixels anyway."""
    return downscale_mean(image, RESIZED_FROM) if image.shape[0] * image.shape[1] > LARGE_PIXELS else image
