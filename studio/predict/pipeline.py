"""Each image predicted once a model and preparation, and what follows from its maps, computed once a decision."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from studio.common.cache_key import Key
from studio.common.open_models import model_digest, open_model
from studio.predict.corrected import corrected_nuclei, corrections_of, take_steps
from studio.predict.prediction_cache import Facts, predictions
from studio.predict.uploads import Upload
from unet import render
from unet.config import Separation
from unet.corrections.operations import Nuclei
from unet.errors import ImageError
from unet.io.images import count_pages, map_image
from unet.io.pixel_size import PixelSize
from unet.memmap import LARGE_PIXELS, downscale_mean
from unet.models.registry import ModelEntry
from unet.prediction.advice import Advice, advise
from unet.prediction.maps import Prediction
from unet.prediction.measure import measure
from unet.prediction.objects import Summary, summarize_labels
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments, choose_channels
from unet.preprocess.resize import resize_image, resize_labels
from unet.settings import Settings

# Images that are read before the network gets them: a few at a time keep all cores busy.
BATCH, BATCH_PIXELS = 8, 24_000_000
# Longer side, in pixels, of what advice is taken from and of the pictures in the table of all images.
LOOKED_AT, THUMBNAIL = 2048, 96

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Job:
    """A model, and how images are prepared for it."""

    entry: ModelEntry
    model: str
    settings: Settings
    preparation: ImageAdjustments

    @classmethod
    def of(cls, entry: ModelEntry, settings: Settings, preparation: ImageAdjustments) -> Job:
        return cls(entry, model_digest(entry), settings, preparation)

    def key(self, upload: Upload, page: int = 0, decision: Decision | None = None) -> Key:
        key = Key(upload.digest, page, self.model, self.preparation)
        if decision is None:
            return key
        key = key.but(threshold=decision.threshold, separation=decision.separation)
        revision = 0 if decision.original else corrections_of(key, self.settings.home).revision
        return key.but(corrections=revision)

    def open(self) -> Predictor:
        """Return the model as it was when this was decided; see ``open_model``."""
        return open_model(self.entry, self.model)

    @property
    def maps(self) -> Path:
        """Where the maps of large images lie."""
        return self.settings.cache / "maps"


def still_to_predict(job: Job, uploads: Sequence[Upload]) -> list[Upload]:
    """Return the images whose first page this model has not seen."""
    known = predictions().facts
    unique = {upload.digest: upload for upload in uploads}
    return [upload for upload in unique.values() if job.key(upload) not in known]


def predict_uploads(
    job: Job, uploads: Sequence[Upload], progress: Progress | None = None, tiles: Progress | None = None
) -> None:
    """Predict the first page of images, several at a time. What is wrong with a file stands in its facts.

    ``progress`` takes the number of images done, ``tiles`` that of the tiles of a large one, each with its total.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """
    predictor = job.open()
    done = 0
    for batch in _batches(job, uploads):
        small = [(upload, image) for upload, image in batch if image is not None and not _is_large(image)]
        found = predictor.predict_batch([image for _, image in small], preparation=job.preparation)
        for (upload, image), prediction in zip(small, found, strict=True):
            predictions().put(job.key(upload), _facts(upload, image), prediction)
        for upload, page in batch:
            if page is not None and _is_large(page):
                _predict_large(job, upload, page, tiles)
        done += len(batch)
        if progress:
            progress(done, len(uploads))


def _predict_large(job: Job, upload: Upload, image: np.ndarray, tiles: Progress | None) -> None:
    try:
        prediction = job.open().predict(image, preparation=job.preparation, folder=job.maps, progress=tiles)
        predictions().put(job.key(upload), _facts(upload, image), prediction)
    except ImageError as error:
        predictions().put(job.key(upload), Facts(error=str(error)))


def _is_large(image: np.ndarray) -> bool:
    return image.shape[0] * image.shape[1] > LARGE_PIXELS


def _facts(upload: Upload, image: np.ndarray) -> Facts:
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    return Facts(height, width, count_pages(upload.path, name="It"), channels)


def _batches(job: Job, uploads: Sequence[Upload]) -> Iterator[list[tuple[Upload, np.ndarray | None]]]:
    batch: list[tuple[Upload, np.ndarray | None]] = []
    pixels = 0
    for upload in uploads:
        image: np.ndarray | None = None
        try:
            image = read_page(job, upload)
            choose_channels(image, job.preparation.channels, name="It")
            pixels += image.shape[0] * image.shape[1]
        except ImageError as error:
            predictions().put(job.key(upload), Facts(error=str(error)))
        batch.append((upload, image))
        # At its own size each image is work enough by itself, and a word of progress is due after each.
        if job.entry.info.config.is_native or len(batch) >= BATCH or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def read_page(job: Job, upload: Upload, page: int = 0) -> np.ndarray:
    """Return a page of an image, (height, width) or (height, width, channels), all channels; a large one mapped.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    return _decoded(Key(upload.digest, page), job.settings.max_image_megapixels, upload, job)


# Of the images that are looked at, for measurements at each threshold, and since a large one may have been unpacked for
# it; not to be changed.
@st.cache_resource(max_entries=3, show_spinner=False)
def _decoded(key: Key, limit: int, _upload: Upload, _job: Job) -> np.ndarray:
    image = map_image(_upload.path, folder=_job.maps, name="It", page=key.page, max_megapixels=limit)
    image.flags.writeable = False
    return image


def read_prepared(job: Job, upload: Upload, page: int = 0) -> np.ndarray:
    """Return a page of an image with the channels that are shown: the chosen ones, else the first three.

    Where the model was given one beyond these, that one is shown.

    Raises
    ------
    ImageError
        If it cannot be read, or has none of them.
    """
    image, channels = read_page(job, upload, page), job.preparation.channels
    if not channels and image.ndim == 3 and image.shape[2] > 3 and (seen := prediction_of(job, upload, page).seen):
        channels = seen.channels.channels if max(seen.channels.channels) > 2 else ()
    return choose_channels(image, channels, name="It")


def facts_of(job: Job, upload: Upload) -> Facts:
    """Return what is known of an image that was predicted."""
    return predictions().facts.get(job.key(upload), Facts())


def prediction_of(job: Job, upload: Upload, page: int = 0) -> Prediction:
    """Return the map of a page; only if it is not held, the model is asked.

    Raises
    ------
    ImageError, ModelError
        If the page cannot be read, or the model not be loaded.
    """
    key = job.key(upload, page)
    found = predictions().get(key)
    if found is None:
        image = read_page(job, upload, page)
        found = job.open().predict(image, preparation=job.preparation, folder=job.maps)
        predictions().put(key, _facts(upload, image), found)
    return found


@dataclass(frozen=True)
class Decision:
    """What turns maps into objects; all of it stands in the address."""

    threshold: float
    separation: Separation
    original: bool = False  # whether the nuclei are shown as the model found them, corrections left out


def objects_of(job: Job, upload: Upload, page: int, decision: Decision) -> np.ndarray:
    """Return the label map (height, width) of a page, not to be changed; the last few are kept.

    Numbers may be missing where nuclei were corrected by hand.
    """
    key = job.key(upload, page, decision)
    return nuclei_of(job, upload, page, decision).labels if key.corrections else _objects(key, job, upload)


def nuclei_of(job: Job, upload: Upload, page: int, decision: Decision) -> Nuclei:
    """Return the nuclei of a page with all corrections, not to be changed."""
    key, maps = job.key(upload, page, decision), partial(prediction_of, job, upload, page)
    return corrected_nuclei(key, job.settings.home, partial(_objects, key.but(corrections=0), job, upload), maps)


def correct(job: Job, upload: Upload, page: int, decision: Decision, sent: Any) -> dict[str, Any]:
    """Keep the corrections that a browser hands over; see ``take_steps``."""
    key, maps = job.key(upload, page, decision), partial(prediction_of, job, upload, page)
    return take_steps(key, job.settings.home, sent, partial(_objects, key.but(corrections=0), job, upload), maps)


# One session looks at one image at a time. A resource, since copies of large ones would fill memory.
@st.cache_resource(max_entries=8, show_spinner=False)
def _objects(key: Key, _job: Job, _upload: Upload) -> np.ndarray:
    labels = find_objects(prediction_of(_job, _upload, key.page), *key.decided)
    labels.flags.writeable = False
    return labels


def measurements_of(
    job: Job, upload: Upload, page: int, decision: Decision, pixel_size: PixelSize | None
) -> pd.DataFrame:
    """Return the measurements of the objects of a page, one row each; the last few are kept."""
    return _measurements(job.key(upload, page, decision).but(pixel_size=pixel_size), decision, job, upload)


@st.cache_data(max_entries=256, show_spinner=False)
def _measurements(key: Key, _decision: Decision, _job: Job, _upload: Upload) -> pd.DataFrame:
    labels = objects_of(_job, _upload, key.page, _decision)
    image, prediction = read_prepared(_job, _upload, key.page), prediction_of(_job, _upload, key.page)
    return measure(labels, image, prediction.levels, key.pixel_size)


def advice_of(job: Job, upload: Upload, page: int, decision: Decision) -> Advice | None:
    """Return what is to be said of a result that looks wrong."""
    return _advice(job.key(upload, page, decision), decision, job, upload)


@st.cache_data(max_entries=64, show_spinner=False)
def _advice(key: Key, _decision: Decision, _job: Job, _upload: Upload) -> Advice | None:
    labels = objects_of(_job, _upload, key.page, _decision)
    image = downscale_mean(read_page(_job, _upload, key.page), LOOKED_AT)
    small = prediction_of(_job, _upload, key.page).shrink(LOOKED_AT)
    threshold, _ = key.decided
    return advise(image, small, labels, _job.entry.info, threshold, key.preparation)


@dataclass(frozen=True)
class Found:
    """What is found in one image: a row of the table of all."""

    summary: Summary
    thumbnail: str


def found_in(job: Job, upload: Upload, page: int, decision: Decision) -> Found:
    """Return what is found in an image; worked out once a decision.

    Raises
    ------
    ImageError, ModelError
        If the page cannot be read, or the model not be loaded.
    """
    return _found(job.key(upload, page, decision), decision, job, upload)


@st.cache_data(max_entries=5000, show_spinner=False)
def _found(key: Key, _decision: Decision, _job: Job, _upload: Upload) -> Found:
    labels = objects_of(_job, _upload, key.page, _decision)
    image = downscale_mean(read_prepared(_job, _upload, key.page), 2 * THUMBNAIL)
    picture = render.overlay(image, resize_labels(labels, image.shape[:2]))
    scale = THUMBNAIL / max(picture.shape[:2])
    size = tuple(max(1, round(side * scale)) for side in picture.shape[:2])
    return Found(summarize_labels(labels), render.data_uri(resize_image(picture, size), "jpeg"))
