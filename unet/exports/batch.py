"""Predicting many image files: bounded in memory, and one broken file never stops the others."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

from unet.datasets.layouts import find_samples
from unet.errors import ImageError
from unet.exports.bundle import Bundle, unique_stems
from unet.exports.formats import USUAL
from unet.exports.tables import ImageSummary, summary_file, summary_row
from unet.files import atomic_path
from unet.io.images import IMAGE_SUFFIXES, map_image
from unet.io.pixel_size import PixelSize, read_pixel_size
from unet.prediction.marker import stain_of
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions, Result
from unet.preprocess.adjust import choose_channels
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
    decisions: Decisions | None = None,
    formats: Sequence[str] = USUAL,
    page: int = 0,
    pixel_size: PixelSize | None = None,
    model_folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ImageSummary]:
    """Predict image files, write each one's results as it is done, and those of all images at the end.

    Parameters
    ----------
    predictor : Predictor
    images : sequence of Path
    output : Path
        The folder for the results; it is made.
    settings : Settings
        Its limit on image size holds.
    decisions : Decisions, optional
        By default what is stored with the model.
    formats : sequence of str
        Names of ``unet.exports.formats.FORMATS``.
    page : int
        Page of multi-page TIFFs, from 0.
    pixel_size : PixelSize, optional
        By default what each file says, if it does.
    model_folder : Path, optional
        Whose digest ``manifest.json`` gives.
    progress : callable, optional
        Takes the number of images done and their total.

    Returns
    -------
    list of ImageSummary
        One for each image, in order; ``error`` says what was wrong with a broken one.
    """
    info = predictor.info
    decisions = decisions or Decisions(info, info.threshold, info.separation)
    output.mkdir(parents=True, exist_ok=True)

    def write(name: str, content: bytes) -> None:
        with atomic_path(output / name) as temporary:
            temporary.write_bytes(content)

    bundle = Bundle(write, [name for name in formats if name != "summary"])
    rows = []
    for path, stem in zip(images, unique_stems(images), strict=True):
        started = time.perf_counter()
        try:
            image = map_image(path, settings.cache, page=page, max_megapixels=settings.max_image_megapixels)
            found = predictor.predict(image, preparation=decisions.preparation, folder=settings.cache)
            stain = stain_of(image, decisions.marker.channel) if decisions.marker else None
            image = choose_channels(image, decisions.preparation.channels, name=path.name)
            size = pixel_size or read_pixel_size(path)
            result = Result(str(path), stem, image, found, decisions, page, size, stain=stain)
            bundle.add(result)
            row = summary_row(result)
        except ImageError as error:
            row = ImageSummary(file=str(path), stem=stem, threshold=decisions.threshold, error=str(error))
        row.seconds = round(time.perf_counter() - started, 3)
        rows.append(row)
        if progress:
            progress(len(rows), len(images))
    bundle.finish()
    # With the files that could not be read, and with times, which only this knows.
    write("summary.csv", summary_file(rows))
    write("manifest.json", bundle.manifest(decisions, model_folder))
    return rows
