"""Predicting many image files: bounded in memory, and one broken file never stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from unet.config import Separation
from unet.data.images import IMAGE_SUFFIXES, map_image
from unet.data.layouts import find_samples
from unet.errors import ImageError
from unet.files import atomic_path
from unet.prediction.export import summary_row, unique_stems, write_prediction
from unet.prediction.predictor import Predictor
from unet.prediction.summary import ImageSummary, write_summary
from unet.settings import Settings


def find_images(path: Path) -> list[Path]:
    """Return the image itself, or the images of a folder, wherever they lie in it; masks are no images to predict.

    Raises
    ------
    ImageError
        If there is nothing there.
    """
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ImageError(f"{path} does not exist; name an image or a folder of images.")
    images = [sample.image for sample in find_samples(path)[0]]
    if not images:
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        raise ImageError(f"{path} has no images; files with these endings count: {suffixes}.")
    return images


def predict_files(
    predictor: Predictor,
    images: Sequence[Path],
    output: Path,
    settings: Settings,
    *,
    threshold: float | None = None,
    separation: Separation | None = None,
    page: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> list[ImageSummary]:
    """Predict image files, write each one's results as it is done, and ``summary.csv`` at the end.

    Parameters
    ----------
    predictor : Predictor
    images : sequence of Path
    output : Path
        The folder for the results; it is made.
    settings : Settings
        Its limit on image size holds.
    threshold : float, optional
        0 to 1; by default the one stored with the model.
    separation : Separation, optional
        By default the one stored with the model.
    page : int
        Page of multi-page TIFFs, from 0.
    progress : callable, optional
        Takes the number of images done and their total.

    Returns
    -------
    list of ImageSummary
        One for each image, in order; ``error`` says what was wrong with a broken one.
    """
    threshold = predictor.info.threshold if threshold is None else threshold
    separation = predictor.info.separation if separation is None else separation
    output.mkdir(parents=True, exist_ok=True)
    rows = []
    for path, stem in zip(images, unique_stems(images), strict=True):
        started = time.perf_counter()
        try:
            image = map_image(path, settings.cache, page=page, max_megapixels=settings.max_image_megapixels)
            labels = write_prediction(
                output, stem, predictor.predict(image, folder=settings.cache), threshold, separation
            )
            row = summary_row(str(path), stem, labels, threshold)
        except ImageError as error:
            row = ImageSummary(file=str(path), stem=stem, threshold=threshold, error=str(error))
        row.seconds = round(time.perf_counter() - started, 3)
        rows.append(row)
        if progress:
            progress(len(rows), len(images))
    with (
        atomic_path(output / "summary.csv") as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        write_summary(file, rows)
    return rows
