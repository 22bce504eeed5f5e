"""The first pages of many images, predicted in pieces that leave others their turns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from studio.common.cache_key import Key
from studio.common.turns import Progress, Work
from studio.predict.pipeline import Job, facts_from, read_page
from studio.predict.prediction_cache import Facts, predictions
from studio.predict.uploads import Upload
from unet.errors import ImageError
from unet.memmap import LARGE_PIXELS
from unet.preprocess.adjust import choose_channels

# Images that are read before the network gets them: a few at a time keep all cores busy.
BATCH, BATCH_PIXELS = 8, 24_000_000


def still_to_predict(job: Job, uploads: Sequence[Upload]) -> list[Upload]:
    """Return the images whose first page this model has not seen."""
    known = predictions().facts
    unique = {upload.digest: upload for upload in uploads}
    return [upload for upload in unique.values() if job.key(upload) not in known]


def works_of(job: Job, uploads: Sequence[Upload]) -> dict[Key, Work]:
    """Return the work of predicting the first page of images, in pieces after each of which others may have a turn."""
    # At its own size each image is work enough by itself; small ones keep all cores busy together.
    step = 1 if job.entry.info.config.is_native else BATCH
    parts = [uploads[start : start + step] for start in range(0, len(uploads), step)]
    return {job.key(part[0]): Work(partial(predict_uploads, job, part), len(part)) for part in parts}


def predict_uploads(job: Job, uploads: Sequence[Upload], progress: Progress | None = None) -> None:
    """Predict the first page of images, several at a time. What is wrong with a file stands in its facts.

    ``progress`` takes the number of the tiles done of a large one, and their total.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """
    predictor = job.open()
    for batch in _batches(job, still_to_predict(job, uploads)):
        small = [(upload, image) for upload, image in batch if not _is_large(image)]
        found = predictor.predict_batch([image for _, image in small], preparation=job.preparation)
        for (upload, image), prediction in zip(small, found, strict=True):
            predictions().put(job.key(upload), facts_from(upload, image), prediction)
        for upload, image in batch:
            if _is_large(image):
                _predict_large(job, upload, image, progress)


def _predict_large(job: Job, upload: Upload, image: np.ndarray, progress: Progress | None) -> None:
    try:
        prediction = job.open().predict(image, preparation=job.preparation, folder=job.maps, progress=progress)
        predictions().put(job.key(upload), facts_from(upload, image), prediction)
    except ImageError as error:
        predictions().put(job.key(upload), Facts(error=str(error)))


def _is_large(image: np.ndarray) -> bool:
    return image.shape[0] * image.shape[1] > LARGE_PIXELS


def _batches(job: Job, uploads: Sequence[Upload]) -> Iterator[list[tuple[Upload, np.ndarray]]]:
    batch, pixels = [], 0
    for upload in uploads:
        try:
            image = read_page(job, upload)
            choose_channels(image, job.preparation.channels, name="It")
        except ImageError as error:
            predictions().put(job.key(upload), Facts(error=str(error)))
            continue
        batch.append((upload, image))
        pixels += image.shape[0] * image.shape[1]
        if pixels >= BATCH_PIXELS:
            yield batch
            batch, pixels = [], 0
    if batch:
        yield batch
