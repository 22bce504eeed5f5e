"""Predicting many images: bounded in memory, and one broken file never stops the others."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from unet.datasets.layouts import find_samples
from unet.errors import ImageError
from unet.exports.bundle import Bundle, unique_stems
from unet.exports.formats import USUAL
from unet.exports.resume import Finished
from unet.exports.tables import ImageSummary, summary_file
from unet.exports.wells import wells_file, wells_of
from unet.exports.work import Done, Job, Named, groups_of, predict_group
from unet.io.images import IMAGE_SUFFIXES
from unet.io.ome_zarr import is_zarr
from unet.io.pixel_size import PixelSize
from unet.io.planes import ONE, Plane, find_planes
from unet.prediction.predictor import Predictor
from unet.prediction.result import Decisions
from unet.settings import Settings


def find_inputs(address: str) -> list[str]:
    """Return what is to be predicted: an image, those of a folder, or OME-Zarr in a folder or on a server.

    Raises
    ------
    ImageError
        If there is nothing there.
    """
    if is_zarr(address):
        return [address.rstrip("/")]
    path = Path(address)
    zarrs = [str(each) for each in sorted(path.glob("*.zarr")) if is_zarr(str(each))] if path.is_dir() else []
    try:
        return [*map(str, find_images(path)), *zarrs]
    except ImageError:
        if zarrs:
            return zarrs
        raise


def find_images(path: Path) -> list[Path]:
    """Return the image itself, or the images of a folder, wherever they lie in it; masks are not images to predict.

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
        Its limit on image size holds, but for TIFF of which only a part is in memory at a time.
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
    job = Job(output, settings, decisions, own_formats(formats), pixel_size)
    planes = find_planes([str(path) for path in images], ONE, page)
    return predict_planes(predictor, planes, job, model_folder=model_folder, progress=progress)


def own_formats(formats: Sequence[str]) -> tuple[str, ...]:
    """Return the formats less the summary, which is always written."""
    return tuple(name for name in formats if name != "summary")


def predict_planes(
    predictor: Predictor,
    planes: Sequence[Plane],
    job: Job,
    *,
    model_folder: Path | None = None,
    flags: Sequence[str] = (),
    progress: Callable[[int, int], None] | None = None,
    each: Callable[[Sequence[Sequence[Named]], Job, Callable[[], object]], Iterable[Sequence[Done]]] | None = None,
) -> list[ImageSummary]:
    """Predict images and planes of stacks, as ``predict_files`` does; what an interrupted batch has done stays done.

    Parameters
    ----------
    predictor : Predictor
    planes : sequence of Plane
    job : Job
    model_folder, progress
        As for ``predict_files``.
    flags : sequence of str
        What the command that is told in ``manifest.json`` says besides.
    each : callable, optional
        What predicts the groups and yields what became of them, in their order; takes what is called after each
        image. By default they are done here, one after the other.

    Returns
    -------
    list of ImageSummary
    """
    job.output.mkdir(parents=True, exist_ok=True)
    stems = unique_stems([f"{plane.title}.tif" for plane in planes])
    groups = groups_of(planes, stems)
    bundle = Bundle(job.write, job.formats)
    rows: list[ImageSummary] = []
    count = 0

    def step() -> None:
        nonlocal count
        count += 1
        if progress:
            progress(count, len(planes))

    finished = Finished(job, model_folder)
    before = [finished.find(group) for group in groups]
    to_do = [group for group, known in zip(groups, before, strict=True) if known is None]
    done = iter(each(to_do, job, step) if each else (predict_group(predictor, group, job, step) for group in to_do))
    for group, known in zip(groups, before, strict=True):
        outcome: Sequence[Done] = next(done) if known is None else known
        if known is None:
            finished.keep(group, outcome)
        else:
            for _ in group:
                step()
        for one in outcome:
            rows.append(one.row)
            if one.parts:
                bundle.take(one.parts)
    bundle.finish()
    # With the files that could not be read, and with times, which only this knows.
    job.write("summary.csv", summary_file(rows))
    if wells := wells_of(rows):
        job.write("wells.csv", wells_file(wells))
    job.write("manifest.json", bundle.manifest(job.decisions, model_folder, flags))
    finished.forget()
    return rows
