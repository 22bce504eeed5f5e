"""The unit of work of a batch: one image, or the planes of one stack, from the file to the results."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from unet.errors import ImageError
from unet.exports.bundle import ImageParts, write_image
from unet.exports.ome_zarr import LabelsWriter, labels_of
from unet.exports.stack import LabelStack
from unet.exports.tables import ImageSummary, summary_row
from unet.files import atomic_path
from unet.io.ome_zarr import ZarrImage
from unet.io.pixel_size import PixelSize
from unet.io.planes import Plane
from unet.io.pyramid import Level
from unet.prediction.levels import read_fitting
from unet.prediction.marker import stain_of
from unet.prediction.predictor import Predictor
from unet.prediction.regions import Region
from unet.prediction.result import PLACES, Decisions, Result
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import choose_channels
from unet.settings import Settings

if TYPE_CHECKING:
    from unet.exports.linking import Linker

# Of a nucleus' measurements those that a label map in OME-Zarr tells.
TOLD = ("area", "equivalent_diameter", "circularity", "mean_probability", "centroid_x", "centroid_y")


@dataclass(frozen=True)
class Job:
    """What all images of a batch have in common; it travels to other machines.

    Attributes
    ----------
    output : Path
    settings : Settings
    decisions : Decisions
    formats : tuple of str
        Names of ``FORMATS``.
    pixel_size : PixelSize, optional
        By default what each file says.
    channels : tuple of str
        Names of the channels of OME-Zarr that are read.
    link : bool
        Whether a nucleus keeps its number from plane to plane, or where there is one plane, from frame to frame.
    into_zarr : bool
        Whether label maps are also written into the OME-Zarr that they belong to.
    regions : dict
        Regions of images, by the stem of the image's name.
    """

    output: Path
    settings: Settings
    decisions: Decisions
    formats: tuple[str, ...]
    pixel_size: PixelSize | None = None
    channels: tuple[str, ...] = ()
    link: bool = False
    into_zarr: bool = False
    regions: dict[str, tuple[Region, ...]] = field(default_factory=dict)

    def write(self, name: str, content: bytes) -> None:
        """Write a file of the results, whole or not at all."""
        with atomic_path(self.output / name) as temporary:
            temporary.write_bytes(content)


@dataclass(frozen=True)
class Done:
    """What has become of one image: its row of the summary, and unless it is broken, what it adds to other files."""

    row: ImageSummary
    parts: ImageParts | None = None


Named = tuple[Plane, str]


def groups_of(planes: Sequence[Plane], stems: Sequence[str]) -> list[list[Named]]:
    """Put the planes of one stack together, each with the stem of its files; the order stays."""
    named = zip(planes, stems, strict=True)
    together = itertools.groupby(enumerate(named), lambda each: _stack_of(each[1][0], each[0]))
    return [[each for _, each in group] for _, group in together]


def _stack_of(plane: Plane, number: int) -> Any:
    return plane.address if plane.of_stack else number


def predict_group(
    predictor: Predictor, group: Sequence[Named], job: Job, progress: Callable[[], object] | None = None
) -> list[Done]:
    """Predict an image, or the planes of a stack, and write what is one file per image.

    Parameters
    ----------
    predictor : Predictor
    group : sequence of (Plane, str)
        With the stems of their files.
    job : Job
    progress : callable, optional
        Is called after each plane.

    Returns
    -------
    list of Done
        A broken plane is told of in its row, and does not stop the others.
    """
    done: list[Done] = []
    try:
        with contextlib.ExitStack() as open_files:
            stack = _Stack(group, job, open_files)
            for plane, stem in group:
                started = time.perf_counter()
                done.append(_one(predictor, plane, stem, job, stack))
                done[-1].row.seconds = round(time.perf_counter() - started, 3)
                if progress:
                    progress()
            stack.finish()
    except ImageError as error:  # what all planes make together cannot be written
        done[-1].row.error = str(error)
    return done


def _one(predictor: Predictor, plane: Plane, stem: str, job: Job, stack: _Stack) -> Done:
    try:
        result = _predict(predictor, plane, stem, job, stack)
        done = Done(summary_row(result), write_image(job.write, job.formats, result))
        stack.add(plane, result)
        return done
    except ImageError as error:
        stack.skip()
        threshold = job.decisions.threshold
        return Done(ImageSummary(plane.address, stem, threshold=threshold, error=str(error), **places_of(plane)))


def _predict(predictor: Predictor, plane: Plane, stem: str, job: Job, stack: _Stack) -> Result:
    pyramid = plane.open(job.settings, job.channels)
    decisions, cache = job.decisions, job.settings.cache
    image, level = read_fitting(pyramid, predictor, decisions.preparation, cache, stack.level)
    found = predictor.predict(image, preparation=decisions.preparation, folder=cache)
    stain = stain_of(image, decisions.marker.channel) if decisions.marker else None
    image = choose_channels(image, decisions.preparation.channels, name=Path(plane.address).name)
    stack.begin(pyramid, level)
    labels = None
    if job.link and plane.of_stack:
        labels = stack.link(plane, find_objects(found, decisions.threshold, decisions.separation))
    size = job.pixel_size or level.pixel_size
    page = 0 if plane.of_stack else plane.pages[0]
    regions = job.regions.get(Path(plane.address).stem, ())
    return Result(
        plane.address, stem, image, found, decisions, page, size, labels,
        stain=stain, regions=regions, places=places_of(plane),
    )  # fmt: skip


def places_of(plane: Plane) -> dict[str, Any]:
    """Return where an image belongs, on a plate and in a stack: those of ``PLACES`` that it has."""
    return {name: value for name in PLACES if (value := getattr(plane, name)) not in (None, "")}


class _Stack:
    """What the planes of a group make together: a label stack, labels in their OME-Zarr, numbers that are kept."""

    def __init__(self, group: Sequence[Named], job: Job, open_files: contextlib.ExitStack):
        first, stem = group[0]
        self.level: int | None = None
        self._job, self._open_files = job, open_files
        self._sizes, self._stem, self._of_stack = first.size, stem, first.of_stack
        self._own = first.own
        self._linker: Linker | None = None
        self._labels: LabelStack | None = None
        self._zarr: LabelsWriter | None = None

    def begin(self, pyramid: Any, level: Level) -> None:
        """Learn from the first plane on which level all of them are."""
        if self.level is not None:
            return
        self.level = pyramid.levels.index(level)
        if self._of_stack and "labels" in self._job.formats:
            self._labels = LabelStack(self._sizes, (level.height, level.width), self._job.settings.cache)
        if self._job.into_zarr and isinstance(pyramid, ZarrImage):
            self._zarr = self._open_files.enter_context(labels_of(pyramid, pyramid.count("t"), pyramid.count("z")))

    def link(self, plane: Plane, labels: np.ndarray) -> np.ndarray:
        """Give the nuclei of a plane the numbers of the one before: that of the same time, or of the time before."""
        from unet.exports.linking import Linker

        self._linker = self._linker or Linker()
        if self._sizes[1] > 1 and plane.z == 0:
            self._linker.start_anew()
        return self._linker.link(labels)

    def add(self, plane: Plane, result: Result) -> None:
        """Take a plane's labels."""
        t, z = plane.t or 0, plane.z or 0
        if self._labels:
            self._labels.put(result.labels, t, z)
        if self._zarr:
            self._zarr.put(result.labels, plane.time, plane.pages[0], told(result))

    def skip(self) -> None:
        """Go on after a plane that is broken: nothing can be linked across it."""
        if self._linker:
            self._linker.start_anew()

    def finish(self) -> None:
        """Write what all planes make together."""
        if self._labels:
            size = self._job.pixel_size
            with atomic_path(self._job.output / f"{self._title()}_labels.ome.tif") as temporary:
                self._labels.write(temporary, size, self._title())

    def _title(self) -> str:
        # Stems may have a number behind, which makes them unique.
        return "".join(self._stem.rsplit(self._own, 1))


def told(result: Result) -> list[dict[str, Any]]:
    """Return what is known of each nucleus, as OME-Zarr wants properties."""
    frame = result.measurements
    columns: Iterator[Any] = zip(*(frame[name].round(4).tolist() for name in TOLD), strict=True)
    return [
        {"label-value": int(number), **dict(zip(TOLD, values, strict=True))}
        for number, values in zip(frame["label"], columns, strict=True)
    ]
