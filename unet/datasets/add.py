"""Adding datasets and finding them again: a zip, a folder, a directory upload, or synthetic nuclei."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from hashlib import blake2b, file_digest
from pathlib import Path
from typing import BinaryIO

from unet.datasets.archive import Limits, extract_zip, store_files
from unet.datasets.fingerprint import folder_fingerprint
from unet.datasets.store import (
    Dataset,
    delete_dataset,
    folder_stamp,
    keep,
    keep_groups,
    list_datasets,
    require_images,
    unfinished,
)
from unet.errors import DatasetError, shortened
from unet.settings import Settings

Progress = Callable[[int, int], None]

SAMPLE_NAME = "synthetic-nuclei"


def add_zip(archive: Path, settings: Settings, *, name: str | None = None, progress: Progress | None = None) -> Dataset:
    """Unpack an archive and keep its images; the same content again gives the dataset that is there.

    Raises
    ------
    ArchiveError
        If the archive is damaged, hostile or too large.
    DatasetError
        If it does not exist or holds no images.
    """
    archive = Path(archive)
    try:
        with archive.open("rb") as file:
            # Not of ``unet.digest``: it is what the datasets on disk are known by.
            digest = file_digest(file, blake2b).hexdigest()[:32]
    except OSError as error:
        raise DatasetError(f"{archive} cannot be read: {error.strerror}.") from error
    known = [dataset for dataset in list_datasets(settings) if dataset.archive == digest]
    if known:
        return known[0]
    with unfinished(settings) as folder:
        (folder / "files").mkdir()
        fingerprint = extract_zip(archive, folder / "files", Limits.of(settings), progress)
        return keep(folder, settings, name or archive.stem, fingerprint, "upload", archive=digest)


def add_files(
    files: Iterable[tuple[str, BinaryIO]], settings: Settings, *, name: str, progress: Progress | None = None
) -> Dataset:
    """Keep the files of a directory upload, given as relative paths and what to read them from.

    Raises
    ------
    ArchiveError
        If a path is hostile, or there is too much.
    DatasetError
        If there are no images among them.
    """
    with unfinished(settings) as folder:
        (folder / "files").mkdir()
        fingerprint = store_files(files, folder / "files", Limits.of(settings), progress)
        return keep(folder, settings, name, fingerprint, "upload")


def add_sample(settings: Settings, progress: Progress | None = None) -> Dataset:
    """Return the dataset of synthetic nuclei; it is drawn the first time."""
    from unet.datasets.synthetic.nuclei import write_dataset

    known = [dataset for dataset in list_datasets(settings) if dataset.source == "sample" and dataset.root.is_dir()]
    if known:
        return known[0]
    with unfinished(settings) as folder:
        write_dataset(folder / "files", progress=progress)
        return keep(folder, settings, SAMPLE_NAME, folder_fingerprint(folder / "files"), "sample")


def add_folder(
    path: Path, settings: Settings, *, groups: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Register a folder where it lies. A folder whose content has changed since is registered anew.

    Parameters
    ----------
    path : Path
    settings : Settings
    groups : Path, optional
        A CSV with the columns ``ImageId`` and ``group``; a copy is kept.
    progress : callable, optional
        Takes the number of files read and their total.

    Raises
    ------
    DatasetError
        If it is no folder or holds no images.
    """
    root = _existing(path)
    if root is None or not root.is_dir():
        raise DatasetError(f"The folder {shortened(str(path))} does not exist; name the folder that holds the images.")
    stamp = folder_stamp(root)
    before = [dataset for dataset in list_datasets(settings) if dataset.source == "folder" and dataset.root == root]
    same = next((dataset for dataset in before if dataset.stamp == stamp), None)
    if same is None:
        require_images(root, root.name)
        try:
            fingerprint = folder_fingerprint(root, progress)
        except OSError as error:
            raise DatasetError(f"{error.filename or root} cannot be read: {error.strerror or error}.") from error
        with unfinished(settings) as folder:
            same = keep(folder, settings, root.name, fingerprint, "folder", root=root, stamp=stamp)
        for dataset in before:
            if dataset.id != same.id:
                delete_dataset(dataset)  # its files are gone
    return keep_groups(same, groups)


def open_dataset(
    source: str | Path, settings: Settings, *, groups: Path | None = None, progress: Progress | None = None
) -> Dataset:
    """Return the dataset that a command line names.

    Parameters
    ----------
    source : str or Path
        A ``.zip``, a folder, or the id or name of a dataset that is known here.
    settings : Settings
    groups : Path, optional
        As in ``add_folder``.
    progress : callable, optional
        Takes the number of files read and their total.

    Raises
    ------
    DatasetError
        If there is nothing of that name, or its files are gone or have changed.
    ArchiveError
        If it is an archive and is refused.
    """
    known = list_datasets(settings)
    path, name = _existing(source), str(source)
    found = next((dataset for dataset in known if dataset.id == name), None)
    if found is None and path and path.is_dir():
        return add_folder(path, settings, groups=groups, progress=progress)
    if found is None and path:
        return keep_groups(add_zip(path, settings, progress=progress), groups)
    if found is None and name == SAMPLE_NAME:
        found = add_sample(settings, progress)
    found = found or next((dataset for dataset in known if dataset.name == name), None)
    if found is None:
        there = f" Known here: {', '.join(dataset.id for dataset in known[:5])}." if known else ""
        raise DatasetError(
            f"There is no dataset “{shortened(name)}”: name a .zip, a folder or a dataset that is known.{there}"
        )
    found.check()
    return keep_groups(found, groups)


def _existing(path: str | Path) -> Path | None:
    """Return the absolute path if there is anything; what a user types may not even be a possible path."""
    try:
        return Path(path).expanduser().resolve(strict=True) if str(path) else None
    except (OSError, RuntimeError, ValueError):
        return None
