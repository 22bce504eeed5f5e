"""What is in a dataset, sample by sample, and what is wrong with it."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from filelock import FileLock

from unet.datasets.fingerprint import image_digest
from unet.datasets.kinds import find_kinds, measure_look
from unet.datasets.labels import label_sample, load_labels, save_labels
from unet.datasets.leakage import MAX_IMAGES, Signature, find_siblings, make_signature
from unet.datasets.samples import LEFT_OUT, PREDICT, DatasetReport, Sample, SampleReport
from unet.datasets.store import Dataset
from unet.digest import digest_of
from unet.errors import DatasetError, ImageError
from unet.files import atomic_folder, read_json, write_json
from unet.io.budget import DECODING
from unet.io.images import memory_to_work_on, read_image, room_to_work_on
from unet.parallel import WORKERS, map_files, map_in_processes
from unet.settings import Settings

# Raised whenever the same files would give another report or other label maps.
VERSION = 5
REPORT = "report.json"
# Samples with masks that a training needs: one to learn from, one to validate on.
FEWEST = 2
# From here on, processes are worth their start.
MANY_MASKS = 2000


def inspect_dataset(
    dataset: Dataset, settings: Settings, progress: Callable[[int, int], None] | None = None
) -> DatasetReport:
    """Read every file of a dataset once and report on it; keep the report and the label maps for the next time.

    A bad sample never stops the others: one whose image or mask cannot be read, or whose sizes differ, is left out. An
    empty mask, overlapping masks and masks with more than two values are kept, and said.

    Parameters
    ----------
    dataset : Dataset
    settings : Settings
        Its limit on image size holds.
    progress : callable, optional
        Takes the number of samples done and their total.

    Raises
    ------
    DatasetError
        If the dataset's files are gone or have changed.
    """
    dataset.check()
    with FileLock(dataset.folder / ".lock"):
        key, groups = _key(dataset, settings), _groups_key(dataset)
        data = _read_report(dataset, key)
        if data and data["groups"] == groups:
            return DatasetReport.from_dict(data)
        rows = DatasetReport.from_dict(data).samples if data else _inspect(dataset, settings, progress)
        places = {sample.id: sample for sample in dataset.samples()}
        rows = _with_kinds([_grouped(row, places[row.id]) for row in rows])
        notes = (*dataset.notes(), *_sibling_notes(rows, places))
        report = DatasetReport(dataset.id, dataset.fingerprint, rows, notes)
        write_json(dataset.folder / REPORT, {"key": key, "groups": groups, **report.to_dict()})
        return report


def _inspect(
    dataset: Dataset, settings: Settings, progress: Callable[[int, int], None] | None
) -> Sequence[SampleReport]:
    """Read every sample and keep the label maps."""
    samples = dataset.samples()
    try:
        with atomic_folder(dataset.folder / "labels") as labels:
            inspect = partial(_inspect_sample, labels=labels, max_megapixels=settings.max_image_megapixels)
            found = _for_each(inspect, samples, settings.max_image_megapixels, progress)
            siblings = find_siblings([signature for _, signature in found])
            names = [None if group is None else f"found-{group + 1}" for group in siblings]
            return [dataclasses.replace(row, sibling=name) for (row, _), name in zip(found, names, strict=True)]
    except RuntimeError as error:
        raise DatasetError(f"“{dataset.name}” could not be inspected: {error} Try again.") from error
    except OSError as error:
        raise DatasetError(
            f"The label maps of “{dataset.name}” cannot be stored in {dataset.folder}: {error.strerror or error}."
        ) from error


def _for_each(
    inspect: Callable[[Sample], tuple[SampleReport, Signature | None]],
    samples: Sequence[Sample],
    max_megapixels: int,
    progress: Callable[[int, int], None] | None,
) -> list[tuple[SampleReport, Signature | None]]:
    """Inspect all samples: by processes where there are many masks, by threads where images are too large for that.

    Threads share one budget of memory and wait for each other; processes know nothing of each other.
    """
    large = list(range(len(samples)))
    if sum(len(sample.masks) for sample in samples) >= MANY_MASKS:
        share = DECODING.total // WORKERS
        sizes = [memory_to_work_on(sample.image, max_megapixels=max_megapixels) for sample in samples]
        large = [index for index, size in enumerate(sizes) if size > share]
    small = sorted(set(range(len(samples))).difference(large))
    done: dict[int, tuple[SampleReport, Signature | None]] = {}
    for indices, each in ((small, map_in_processes), (large, map_files)):
        before = len(done)

        def counted(count: int, _: int, before: int = before) -> None:
            if progress:
                progress(before + count, len(samples))

        done |= zip(indices, each(inspect, [samples[index] for index in indices], counted), strict=True)
    return [done[index] for index in range(len(samples))]


def read_labels(dataset: Dataset, sample_id: str) -> np.ndarray:
    """Return the label map of a sample that was inspected and not left out.

    Returns
    -------
    (height, width) uint16 or uint32
        0 is background. The nuclei of a binary mask are its connected parts; a mask with more values than one has them
        as they are stored, so class indices survive.

    Raises
    ------
    DatasetError
        If there is none.
    """
    return load_labels(dataset.folder / "labels", sample_id)


def require_usable(report: DatasetReport, fewest: int = FEWEST) -> None:
    """Refuse a dataset that cannot be trained on.

    Raises
    ------
    DatasetError
        If fewer samples are usable; the message gives the reasons.
    """
    found = len(report.usable)
    if found >= fewest:
        return
    reasons = []
    images = "1 image" if fewest == 1 else f"{fewest} images"
    if report.to_predict:
        reasons.append(f"{len(report.to_predict)} without a mask")
    if report.left_out:
        reasons.append(f"{len(report.left_out)} left out")
    told = [f"{sample.id}: {' '.join(sample.problems)}" for sample in report.left_out[:3]] + list(report.notes[:3])
    raise DatasetError(
        f"A training needs at least {images} with masks; of {len(report.samples)} images here {found} can be "
        "used"
        f"{' (' + ', '.join(reasons) + ')' if reasons else ''}. {' '.join(told)}".rstrip()
    )


def _key(dataset: Dataset, settings: Settings) -> str:
    return f"{VERSION}/{dataset.fingerprint}/{settings.max_image_megapixels}"


def _groups_key(dataset: Dataset) -> str:
    """Groups are apart from the rest: another table does not mean that the images have to be read again."""
    return digest_of(dataset.groups.read_bytes()) if dataset.groups else ""


def _read_report(dataset: Dataset, key: str) -> dict[str, Any] | None:
    path: Path = dataset.folder / REPORT
    if not path.exists() or not (dataset.folder / "labels").is_dir():
        return None
    try:
        data = read_json(path)
        DatasetReport.from_dict(data)
        return data if (data["key"], data["dataset_id"]) == (key, dataset.id) and "groups" in data else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None  # damaged, or of another version: it is made anew


def _grouped(row: SampleReport, sample: Sample) -> SampleReport:
    return dataclasses.replace(row, group=sample.group or row.sibling, stain=sample.stain, kind=sample.kind)


def _with_kinds(rows: Sequence[SampleReport]) -> tuple[SampleReport, ...]:
    """Add the kinds that are found, where a table does not say them."""
    if any(row.kind for row in rows):
        return tuple(rows)
    return tuple(dataclasses.replace(row, kind=kind) for row, kind in zip(rows, find_kinds(rows), strict=True))


def _sibling_notes(rows: Sequence[SampleReport], places: dict[str, Sample]) -> Iterator[str]:
    """Say what was found of images that belong together, and where a table of groups says otherwise."""
    if len(rows) > MAX_IMAGES:
        yield f"More than {MAX_IMAGES:,} images: whether some adjoin or repeat others was not looked for."
    found = defaultdict(list)
    for row in rows:
        if row.sibling:
            found[row.sibling].append(places[row.id].group)
    images = sum(map(len, found.values()))
    apart = sum(None not in groups and len(set(groups)) > 1 for groups in found.values())
    if images and not any(group for groups in found.values() for group in groups):
        pictures = "1 picture" if len(found) == 1 else f"{len(found)} pictures"
        yield f"{images} images seem to be parts or copies of {pictures}; those of one stay on one side of a split."
    elif apart:
        yield (
            "The table of groups keeps apart what seems to belong together: images of several of its groups seem to be "
            f"parts or copies of one picture, {apart} time{'s' if apart > 1 else ''}."
        )


def _inspect_sample(sample: Sample, labels: Path, max_megapixels: int) -> tuple[SampleReport, Signature | None]:
    """Report on a sample and keep its label map; its signature is for telling which images belong together."""
    report = SampleReport(sample.id, finished=sample.finished)
    with room_to_work_on(sample.image, max_megapixels=max_megapixels):
        try:
            image = read_image(sample.image, max_megapixels=max_megapixels)
        except ImageError as error:
            return dataclasses.replace(report, problems=(str(error),), use=LEFT_OUT), None
        return _inspect_image(report, sample, image, labels, max_megapixels), make_signature(image)


def _inspect_image(
    report: SampleReport, sample: Sample, image: np.ndarray, labels: Path, max_megapixels: int
) -> SampleReport:
    report = dataclasses.replace(
        report,
        height=image.shape[0],
        width=image.shape[1],
        dtype=str(image.dtype),
        channels=1 if image.ndim == 2 else image.shape[2],
        digest=image_digest(image),
    )
    if sample.layout == "image":
        return dataclasses.replace(report, use=PREDICT)
    found = label_sample(sample, image.shape[:2], max_megapixels)
    if found.labels is None:
        return dataclasses.replace(report, values=found.values, problems=found.problems, use=LEFT_OUT)
    save_labels(labels, sample.id, found.labels)
    return dataclasses.replace(
        report,
        nuclei=found.nuclei,
        foreground=np.count_nonzero(found.labels) / found.labels.size,
        look=measure_look(image, found.labels),
        values=found.values,
        problems=found.problems,
    )
