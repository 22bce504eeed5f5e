"""Each image predicted once a model: reading, predicting with progress, and holding the maps within bounds."""

from __future__ import annotations

import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import streamlit as st

from studio.models import model_digest, open_model
from studio.uploads import Upload
from unet.config import Separation
from unet.data.images import count_pages, read_image
from unet.errors import ImageError
from unet.model.folder import ModelEntry
from unet.prediction.export import ExportItem, everything_zip
from unet.prediction.objects import Summary, summarize_labels
from unet.prediction.predictor import Prediction
from unet.prediction.separation import find_objects
from unet.settings import MB, Settings

# Probability maps in memory, of all sessions together. They are kept as float32: lossless compression gains a tenth,
# and fewer bits would move pixels across the threshold, so that the picture and the downloaded files would differ.
HELD_BYTES = 256 * MB
MAX_FACTS = 10_000
# Images that are read before the network gets them: a few at a time keep all cores busy.
BATCH, BATCH_PIXELS = 8, 24_000_000

Key = tuple[str, str, int]


@dataclass(frozen=True)
class Facts:
    """What is known of an image once it was predicted, also when its map is no longer held."""

    height: int = 0
    width: int = 0
    pages: int = 1
    error: str | None = None  # a sentence about “it”: others may have the same file under another name


@dataclass
class Held:
    """The maps of all sessions by model, image and page, the least recently used ones dropped; safe across threads."""

    max_bytes: int = HELD_BYTES
    facts: OrderedDict[Key, Facts] = field(default_factory=OrderedDict)
    _maps: OrderedDict[Key, Prediction] = field(default_factory=OrderedDict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def get(self, key: Key) -> Prediction | None:
        """Return the map, or None if it is not held."""
        with self._lock:
            if key in self._maps:
                self._maps.move_to_end(key)
            return self._maps.get(key)

    def put(self, key: Key, facts: Facts, prediction: Prediction | None = None) -> None:
        """Hold what was found of an image; the newest map is held whatever its size."""
        with self._lock:
            self.facts[key] = facts
            while len(self.facts) > MAX_FACTS:
                self.facts.popitem(last=False)
            if prediction is not None:
                self._maps[key] = prediction
                self._maps.move_to_end(key)
            while len(self._maps) > 1 and self.bytes > self.max_bytes:
                self._maps.popitem(last=False)

    @property
    def bytes(self) -> int:
        return sum(_bytes(prediction) for prediction in self._maps.values())


def _bytes(prediction: Prediction) -> int:
    maps = (prediction.probability, prediction.classes, prediction.border, prediction.distance)
    return sum(map_.nbytes for map_ in maps if map_ is not None)


@st.cache_resource(show_spinner=False)
def held() -> Held:
    """Return the maps that are held for all sessions."""
    return Held()


@dataclass(frozen=True)
class Job:
    """A model and the settings under which images are predicted."""

    entry: ModelEntry
    model: str
    settings: Settings

    @classmethod
    def of(cls, entry: ModelEntry, settings: Settings) -> Job:
        return cls(entry, model_digest(entry), settings)

    def key(self, upload: Upload, page: int = 0) -> Key:
        return (self.model, upload.digest, page)


def still_to_predict(job: Job, uploads: Sequence[Upload]) -> list[Upload]:
    """Return the images whose first page this model has not seen."""
    known = held().facts
    unique = {upload.digest: upload for upload in uploads}
    return [upload for upload in unique.values() if job.key(upload) not in known]


def predict_uploads(job: Job, uploads: Sequence[Upload], progress: Callable[[int, int], None] | None = None) -> None:
    """Predict the first page of images, several at a time. What is wrong with a file stands in its facts.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """
    predictor = open_model(job.entry)
    done = 0
    for batch in _batches(job, uploads):
        readable = [(upload, image, pages) for upload, image, pages in batch if image is not None]
        for (upload, image, pages), found in zip(
            readable, predictor.predict_batch([image for _, image, _ in readable]), strict=True
        ):
            held().put(job.key(upload), Facts(*image.shape[:2], pages), found)
        done += len(batch)
        if progress:
            progress(done, len(uploads))


def _batches(job: Job, uploads: Sequence[Upload]) -> Iterator[list[tuple[Upload, np.ndarray | None, int]]]:
    batch, pixels = [], 0
    for upload in uploads:
        image, pages = None, 1
        try:
            pages = count_pages(upload.path, name="It")
            image = read_upload(upload, 0, job.settings)
            pixels += image.shape[0] * image.shape[1]
        except ImageError as error:
            held().put(job.key(upload), Facts(error=str(error)))
        batch.append((upload, image, pages))
        if len(batch) >= BATCH or pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch


def read_upload(upload: Upload, page: int, settings: Settings) -> np.ndarray:
    """Return a page of an image, as ``unet.read_image`` gives it.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    return read_image(upload.path, name="It", page=page, max_megapixels=settings.max_image_megapixels)


def facts_of(job: Job, upload: Upload) -> Facts:
    """Return what is known of an image that was predicted."""
    return held().facts.get(job.key(upload), Facts())


def prediction_of(job: Job, upload: Upload, page: int = 0) -> Prediction:
    """Return the map of a page; only if it is not held, the model is asked.

    Raises
    ------
    ImageError, ModelError
        If the page cannot be read, or the model not be loaded.
    """
    key = job.key(upload, page)
    found = held().get(key)
    if found is None:
        image = read_upload(upload, page, job.settings)
        found = open_model(job.entry).predict(image)
        pages = held().facts.get(job.key(upload), Facts()).pages
        held().put(key, Facts(*image.shape[:2], pages), found)
    return found


@dataclass(frozen=True)
class Decision:
    """What turns maps into objects; all of it stands in the address."""

    threshold: float
    separation: Separation


def objects_of(job: Job, upload: Upload, page: int, decision: Decision) -> np.ndarray:
    """Return the label map (height, width) of a page; the last few are kept."""
    return _objects(job.key(upload, page), decision, job, upload)


# Label maps are small beside the maps that they come from; one session looks at one image at a time.
@st.cache_data(max_entries=8, show_spinner=False)
def _objects(key: Key, decision: Decision, _job: Job, _upload: Upload) -> np.ndarray:
    return find_objects(prediction_of(_job, _upload, key[2]), decision.threshold, decision.separation)


def summary_of(job: Job, upload: Upload, page: int, decision: Decision) -> Summary:
    """Return what is found in an image; measured once a decision."""
    return _summary(job.key(upload, page), decision, job, upload)


@st.cache_data(max_entries=20_000, show_spinner=False)
def _summary(key: Key, decision: Decision, _job: Job, _upload: Upload) -> Summary:
    return summarize_labels(objects_of(_job, _upload, key[2], decision))


def zip_of_everything(
    job: Job, pages: Sequence[tuple[str, Upload, int]], decision: Decision, opacity: float
) -> Callable[[], bytes]:
    """Return a callable that makes the zip of all results, when somebody asks for it.

    Parameters
    ----------
    job : Job
    pages : sequence of (name, upload, page)
        The images that could be read.
    decision : Decision
    opacity : float
        0 to 1.
    """

    def make() -> bytes:
        items = (
            ExportItem(name, prediction_of(job, upload, page), read_upload(upload, page, job.settings))
            for name, upload, page in pages
        )
        job.settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="results-", dir=job.settings.cache) as folder:
            path = Path(folder) / "results.zip"
            made = everything_zip(path, items, job.entry.info, decision.threshold, decision.separation, opacity=opacity)
            return made.read_bytes()

    return make
