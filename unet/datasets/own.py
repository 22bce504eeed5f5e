"""Datasets of one's own, which grow image by image: pairs of an image and its corrected nuclei, and what is finished.

Each image is written whole or not at all, and two tabs that add at once both keep theirs. The table of finished parts
comes before the nuclei: what nobody has looked at is never learned as background, wherever a crash falls.
"""

from __future__ import annotations

import re
import secrets
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path, PurePath

import numpy as np
import tifffile
from filelock import FileLock

from unet.datasets.fingerprint import folder_fingerprint
from unet.datasets.finished import TABLE, read_finished, write_finished
from unet.datasets.samples import Box
from unet.datasets.store import OWN, Dataset, list_datasets, write_dataset_file
from unet.errors import DatasetError
from unet.files import atomic_path, slug_of
from unet.room import require_room
from unet.settings import Settings

LONGEST_NAME = 60


def create_own(name: str, settings: Settings) -> Dataset:
    """Make a dataset to add images to; its name need not be new.

    Raises
    ------
    DatasetError
        If it has no name, or there is no room.
    """
    name = " ".join(name.split())[:LONGEST_NAME]
    if not name:
        raise DatasetError("Give the dataset a name.")
    require_room(settings, DatasetError)
    folder = settings.datasets / f"{slug_of(name, 'dataset')}-{secrets.token_hex(4)}"
    files = folder / "files"
    for part in ("images", "masks"):
        (files / part).mkdir(parents=True)
    now = datetime.now(UTC).isoformat()
    dataset = Dataset(folder.name, name, files, folder, folder_fingerprint(files), OWN, now)
    write_dataset_file(dataset)
    return dataset


def add_image(
    dataset: Dataset,
    settings: Settings,
    name: str,
    digest: str,
    image: np.ndarray,
    labels: np.ndarray,
    finished: Sequence[Box] = (),
    *,
    more: bool = False,
) -> Dataset:
    """Add an image with its nuclei; the same image again takes the place of what was there.

    Parameters
    ----------
    dataset : Dataset
        One that ``create_own`` has made.
    settings : Settings
    name : str
        The image file's.
    digest : str
        Of its content, and of what else tells it from others.
    image : (height, width) or (height, width, channels)
        Of any depth; stored as TIFF without loss.
    labels : (height, width) integer
        0 is background.
    finished : sequence of Box
        The parts in which all nuclei are right; none: all of the image.
    more : bool
        Whether parts that were finished before stay so.

    Returns
    -------
    Dataset
        As it is now.

    Raises
    ------
    DatasetError
        If sizes differ, a part lies beyond the image, or there is no room.
    """
    height, width = labels.shape
    if image.shape[:2] != labels.shape:
        raise DatasetError(f"{name} and its nuclei differ in size.")
    if any(not (0 <= x < right <= width and 0 <= y < bottom <= height) for x, y, right, bottom in finished):
        raise DatasetError(f"A finished part of {name} lies beyond the image.")
    if image.ndim == 3 and image.shape[2] == 1:
        image = image[..., 0]
    require_room(settings, DatasetError)
    sample = f"{re.sub(r'[^A-Za-z0-9_-]+', '-', PurePath(name).stem)[:60] or 'image'}-{digest[:8]}"
    with _changing(dataset):
        files = dataset.root
        mask = files / "masks" / f"{sample}.tif"
        if more and finished and mask.exists():
            finished = _joined(files, sample, finished)
        mask.unlink(missing_ok=True)  # until the new one is there, the image has none
        with atomic_path(files / "images" / f"{sample}.tif") as temporary:
            colour = image.ndim == 3 and image.shape[2] == 3
            tifffile.imwrite(
                temporary,
                image,
                compression="zlib",
                photometric="rgb" if colour else "minisblack",
                planarconfig="contig" if image.ndim == 3 else None,
            )
        _write_finished(files, sample, finished)
        with atomic_path(mask) as temporary:
            small = labels.astype(np.uint16 if labels.max(initial=0) < 2**16 else np.uint32)
            tifffile.imwrite(temporary, small, compression="zlib", photometric="minisblack")
        return _renewed(dataset)


def remove_image(dataset: Dataset, sample: str) -> Dataset:
    """Take an image out of a dataset of one's own; one that is gone already is no error."""
    with _changing(dataset):
        for part in ("masks", "images"):
            for path in (dataset.root / part).iterdir():
                if path.stem == sample:
                    path.unlink(missing_ok=True)
        _write_finished(dataset.root, sample, ())
        return _renewed(dataset)


def own_datasets(settings: Settings) -> list[Dataset]:
    """Return the datasets that images can be added to, the newest first."""
    return [dataset for dataset in list_datasets(settings) if dataset.source == OWN]


def write_zip(dataset: Dataset, path: Path) -> None:
    """Write a dataset's files as a zip, in the layout in which it can be uploaded again."""
    with atomic_path(path) as temporary, zipfile.ZipFile(temporary, "w", zipfile.ZIP_STORED) as archive:
        for each in sorted(dataset.root.rglob("*")):
            if each.is_file() and not each.name.startswith("."):
                archive.write(each, each.relative_to(dataset.root))


def zipped(dataset: Dataset) -> bytes:
    """Return a dataset's files as a zip."""
    with tempfile.TemporaryDirectory() as folder:
        write_zip(dataset, Path(folder) / "dataset.zip")
        return (Path(folder) / "dataset.zip").read_bytes()


# ---- on disk ---------------------------------------------------------------------------------------------------


def _changing(dataset: Dataset) -> FileLock:
    if dataset.source != OWN:
        raise DatasetError(f"“{dataset.name}” is complete; no image can be added to it or taken from it.")
    if not dataset.root.is_dir():
        raise DatasetError(f"The dataset “{dataset.name}” is no longer here.")
    return FileLock(dataset.folder / ".lock")


def _write_finished(files: Path, sample: str, finished: Sequence[Box]) -> None:
    table = files / TABLE
    known = read_finished(table) if table.exists() else {}
    known.pop(sample, None)
    rows = known | ({sample: tuple(finished)} if finished else {})
    if rows or table.exists():
        with atomic_path(table) as temporary:
            write_finished(temporary, rows)


def _joined(files: Path, sample: str, finished: Sequence[Box]) -> tuple[Box, ...]:
    """Return the finished parts with those before; where all was finished, all stays so."""
    before = read_finished(files / TABLE).get(sample, ()) if (files / TABLE).exists() else ()
    return tuple(dict.fromkeys((*before, *finished))) if before else ()


def _renewed(dataset: Dataset) -> Dataset:
    renewed = replace(dataset, fingerprint=folder_fingerprint(dataset.root))
    write_dataset_file(renewed)
    return renewed
