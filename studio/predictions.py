"""Each image is predicted once; everything that the threshold moves is computed from its probability map."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from studio.images import ImageFile
from studio.models import open_predictor
from unet.cache import PredictionCache
from unet.data.images import read_image
from unet.errors import ImageError
from unet.model.folder import ModelEntry, model_stamp
from unet.prediction.objects import Summary, label_objects, summarize_labels, threshold_map
from unet.prediction.predictor import Prediction
from unet.settings import Settings


@dataclass(frozen=True)
class Predicted:
    """An image and the key of its prediction in the cache."""

    image: ImageFile
    page: int
    key: str


class ModelPredictions:
    """One model's predictions of the images on the page."""

    def __init__(self, entry: ModelEntry, settings: Settings):
        self.entry, self.settings = entry, settings
        self.stamp = model_stamp(entry.folder)
        self.cache = PredictionCache(settings, f"{entry.folder}-{self.stamp}")

    def predict(self, image: ImageFile, page: int = 0) -> Predicted:
        """Predict an image, or find that it is predicted already.

        Raises
        ------
        ImageError
            If the image cannot be read.
        ModelError
            If the model cannot be loaded.
        """
        predicted = Predicted(image, page, f"{image.key}-{page}")
        if self.cache.load(predicted.key) is None:
            picture = read_image(
                image.path, name=image.name, page=page, max_megapixels=self.settings.max_image_megapixels
            )
            predictor = open_predictor(self.entry.folder, self.stamp)
            self.cache.save(predicted.key, predictor.predict(picture))
        return predicted

    def predict_all(self, images: Sequence[ImageFile]) -> tuple[list[Predicted], list[str]]:
        """Predict the images, showing how far it is; return the predictions, and what was wrong with broken files."""
        done, problems = [], []
        place = st.empty()
        for number, image in enumerate(images, start=1):
            if self.cache.load(f"{image.key}-0") is None:
                place.progress((number - 1) / len(images), self._doing(number, len(images), image))
            try:
                done.append(self.predict(image))
            except ImageError as error:
                problems.append(str(error))
        place.empty()
        return done, problems

    def _doing(self, number: int, total: int, image: ImageFile) -> str:
        if number == 1:
            return "Loading TensorFlow and the model, then predicting. The first time this takes some seconds …"
        return f"Predicting image {number} of {total}: {image.name}"

    def load(self, predicted: Predicted) -> Prediction:
        """Return a prediction; one that was pruned from the disk meanwhile is made again."""
        found = self.cache.load(predicted.key)
        if found is None:
            self.predict(predicted.image, predicted.page)
            found = self.cache.load(predicted.key)
        return found

    def summary(self, predicted: Predicted, threshold: float) -> Summary:
        """Count and measure what a threshold finds in an image."""
        return _summary(self, str(self.cache.path(predicted.key)), predicted, threshold)


@st.cache_data(max_entries=5000, show_spinner=False)
def _summary(_predictions: ModelPredictions, path: str, _predicted: Predicted, threshold: float) -> Summary:
    probability = _predictions.load(_predicted).probability
    return summarize_labels(label_objects(threshold_map(probability, threshold)))
