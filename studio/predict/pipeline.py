"""Each image predicted once a model and preparation, and what follows from its maps, computed once a decision."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from studio.common.held import Held
from studio.common.open_models import model_digest, open_model
from studio.common.turns import TURNS, Progress, Work, visitor_here
from studio.predict.corrected import corrected_nuclei, corrections_of, take_steps
from studio.predict.prediction_cache import Facts, predictions
from studio.predict.uploads import Upload
from unet import render
from unet.config import Separation
from unet.corrections.operations import Nuclei
from unet.io.images import count_pages, map_image
from unet.memmap import downscale_mean
from unet.models.registry import ModelEntry
from unet.prediction.advice import Advice, advise
from unet.prediction.maps import Prediction
from unet.prediction.objects import Summary, summarize_labels
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects, relief_of
from unet.preprocess.adjust import ImageAdjustments, choose_channels
from unet.preprocess.resize import resize_image, resize_labels
from unet.settings import MB, Settings

# Bytes, of all visitors together: some fifty images of a megapixel with their label maps, ten of what the label maps of
# one at several thresholds have in common. Of larger images than these the latter would push out that of all others.
IMAGES_HELD, LABELS_HELD, RELIEFS_HELD, RELIEF_PIXELS = 64 * MB, 64 * MB, 48 * MB, 2**21
# Longer side, in pixels, of what advice is taken from and of the pictures in the table of all images.
LOOKED_AT, THUMBNAIL = 2048, 96


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
        steps = 0 if decision.original else corrections_of(key, self.settings.home).identity
        return key.but(corrections=steps)

    def open(self) -> Predictor:
        """Return the model as it was when this was decided; see ``open_model``."""
        return open_model(self.entry, self.model)

    @property
    def maps(self) -> Path:
        """Where the maps of large images lie."""
        return self.settings.cache / "maps"


def facts_from(upload: Upload, image: np.ndarray) -> Facts:
    """Return what is known of an image, (height, width) or (height, width, channels), in addition to its maps."""
    height, width = image.shape[:2]
    channels = image.shape[2] if image.ndim == 3 else 1
    return Facts(height, width, count_pages(upload.path, name="It"), channels)


def read_page(job: Job, upload: Upload, page: int = 0) -> np.ndarray:
    """Return a page of an image, (height, width) or (height, width, channels), all channels; a large one mapped.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    key = Key(upload.digest, page)
    limit = job.settings.max_image_megapixels
    return _images().get(
        (key, limit), lambda: map_image(upload.path, folder=job.maps, name="It", page=page, max_megapixels=limit)
    )


# Of those that are looked at, for measurements at each threshold; a large one may have been unpacked for it.
@st.cache_resource(show_spinner=False)
def _images() -> Held:
    return Held(IMAGES_HELD)


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
    """Return the map of a page; only if it is not held, the model is asked, in this visitor's turn.

    Raises
    ------
    ImageError, ModelError
        If the page cannot be read, or the model not be loaded.
    """
    key = job.key(upload, page)
    if (held := predictions().get(key)) is not None:
        return held
    found: list[Prediction] = []
    for _ in TURNS.wait(visitor_here(), {key: Work(lambda tell: found.append(_predicted(job, upload, page, tell)))}):
        pass
    return found[0]


def _predicted(job: Job, upload: Upload, page: int, progress: Progress) -> Prediction:
    image = read_page(job, upload, page)
    found = job.open().predict(image, preparation=job.preparation, folder=job.maps, progress=progress)
    predictions().put(job.key(upload, page), facts_from(upload, image), found)
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


def _objects(key: Key, job: Job, upload: Upload) -> np.ndarray:
    def find() -> np.ndarray:
        prediction = prediction_of(job, upload, key.page)
        return find_objects(prediction, *key.decided, relief=_relief_of(key, prediction))

    return _label_maps().get(key, find)


@st.cache_resource(show_spinner=False)
def _label_maps() -> Held:
    return Held(LABELS_HELD)


def _relief_of(key: Key, prediction: Prediction) -> np.ndarray | None:
    """Return what all thresholds have in common; none of large images, which are worked on in parts."""
    if prediction.borders is None or prediction.levels.size > RELIEF_PIXELS:
        return None
    return _reliefs().get(key.but(threshold=None, separation=None), lambda: cast(np.ndarray, relief_of(prediction)))


@st.cache_resource(show_spinner=False)
def _reliefs() -> Held:
    return Held(RELIEFS_HELD)


def advice_of(job: Job, upload: Upload, page: int, decision: Decision) -> Advice | None:
    """Return what is to be said of a result that looks wrong: of the model's, since people know what they corrected."""
    decision = replace(decision, original=True)
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
