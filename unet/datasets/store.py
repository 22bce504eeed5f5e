"""Datasets that are known here: uploaded, made, or a folder that is only registered, not copied.

Each has a folder of its own, ``<home>/datasets/<id>``::

    dataset.json    what it is
    files/          its files, unless it is a registered folder
    groups.csv      which images belong together, if that came apart from the files
    report.json, labels/, prepared/     made from the files: what is in them, label maps, arrays for training
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path

from filelock import FileLock

from unet.datasets.fingerprint import folder_fingerprint
from unet.datasets.groups import read_groups
from unet.datasets.layouts import find_samples, walk_files
from unet.datasets.samples import Sample
from unet.digest import new_digest
from unet.errors import DatasetError
from unet.files import atomic_path, own_prefix, read_json, slug_of, sweep, write_json
from unet.room import require_room
from unet.settings import Settings

# A dataset that somebody adds images to: no other is taken for it, however alike their content is today.
OWN = "own"


@dataclass(frozen=True)
class Dataset:
    """A dataset and where it lies.

    Attributes
    ----------
    id : str
        Its name and the beginning of its fingerprint; the name of its folder.
    name : str
    root : Path
        The folder of its files.
    folder : Path
        The folder of its own under ``<home>/datasets``, with all that is made from it.
    fingerprint : str
        Of its content: the same files give the same, zipped or not.
    source : str
        ``upload``, ``folder`` (registered, not copied), ``sample`` or ``own`` (grows image by image).
    created : str
        When it was added, ISO 8601 to the microsecond: datasets are listed by it.
    groups : Path, optional
        A CSV of groups that came apart from the files.
    archive : str
        Digest of the zip that it came from, so that the same zip need not be unpacked to be known.
    stamp : str
        Digest of the sizes and times of a registered folder's files, so that they need not be read to be unchanged.
    """

    id: str
    name: str
    root: Path
    folder: Path
    fingerprint: str
    source: str
    created: str
    groups: Path | None = None
    archive: str = ""
    stamp: str = ""

    @cached_property
    def _found(self) -> tuple[list[Sample], list[str]]:
        return find_samples(self.root, self.groups)

    def samples(self) -> list[Sample]:
        """Return the samples, sorted by id; they are looked for once."""
        return self._found[0]

    def notes(self) -> list[str]:
        """Return what was found among the files and could not be used."""
        return self._found[1]

    def check(self) -> None:
        """See that the files are still those that were added.

        Raises
        ------
        DatasetError
            If they are gone or have changed.
        """
        if not self.folder.is_dir():
            raise DatasetError(f"The dataset “{self.name}” is no longer here; add it again.")
        if not self.root.is_dir():
            raise DatasetError(
                f"The folder {self.root} of the dataset “{self.name}” is no longer there; put it back, or choose "
                "another dataset."
            )
        if self.source != "folder" or folder_stamp(self.root) == self.stamp:
            return
        if folder_fingerprint(self.root) != self.fingerprint:
            raise DatasetError(
                f"The files in {self.root} have changed since the dataset “{self.name}” was added; "
                "add the folder again."
            )
        write_dataset_file(replace(self, stamp=folder_stamp(self.root)))


def list_datasets(settings: Settings) -> list[Dataset]:
    """Return the datasets that are known here, the newest first."""
    found = []
    for path in settings.datasets.glob("*/dataset.json"):
        if not path.parent.name.startswith("."):
            with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
                found.append(_read(path.parent))
    return sorted(found, key=lambda dataset: (dataset.created, dataset.id), reverse=True)


def delete_dataset(dataset: Dataset) -> None:
    """Remove a dataset and all that was made from it; the files of a registered folder stay."""
    doomed = dataset.folder.with_name(f"{own_prefix()}{os.urandom(4).hex()}")
    dataset.folder.rename(doomed)
    shutil.rmtree(doomed, ignore_errors=True)


# ---- on disk ---------------------------------------------------------------------------------------------------


def _read(folder: Path) -> Dataset:
    data = read_json(folder / "dataset.json")
    root, groups = data.pop("root"), folder / "groups.csv"
    return Dataset(
        **data,
        root=Path(root) if root else folder / "files",
        folder=folder,
        groups=groups if groups.exists() else None,
    )


def write_dataset_file(dataset: Dataset) -> None:
    """Write what a dataset's folder says of it."""
    names = ("id", "name", "fingerprint", "source", "created", "archive", "stamp")
    data = {name: getattr(dataset, name) for name in names}
    # Without a root of its own, the dataset goes along when the home folder is moved.
    write_json(
        dataset.folder / "dataset.json", data | {"root": str(dataset.root) if dataset.source == "folder" else ""}
    )


@contextlib.contextmanager
def unfinished(settings: Settings) -> Iterator[Path]:
    """Yield a folder to build a dataset in; what is left in it at the end goes, and so do earlier ones' remains."""
    settings.datasets.mkdir(parents=True, exist_ok=True)
    sweep(settings.datasets)
    folder = Path(tempfile.mkdtemp(prefix=own_prefix(), dir=settings.datasets))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def keep(
    folder: Path,
    settings: Settings,
    name: str,
    fingerprint: str,
    source: str,
    *,
    root: Path | None = None,
    archive: str = "",
    stamp: str = "",
) -> Dataset:
    """Give a finished dataset its place, unless the same content is there already."""
    if root is None:
        require_images(folder / "files", name)
    with FileLock(settings.datasets / ".lock"):
        same = next(
            (known for known in list_datasets(settings) if known.fingerprint == fingerprint and known.source != OWN),
            None,
        )
        if same:
            return _renew(same, folder, source, root=root, archive=archive, stamp=stamp)
        if root is None:
            require_room(settings, DatasetError)
        place = settings.datasets / f"{slug_of(name, 'dataset')}-{fingerprint[:8]}"
        dataset = Dataset(
            id=place.name,
            name=name,
            root=root or place / "files",
            folder=folder,
            fingerprint=fingerprint,
            source=source,
            created=datetime.now(UTC).isoformat(),
            archive=archive,
            stamp=stamp,
        )
        write_dataset_file(dataset)
        shutil.rmtree(place, ignore_errors=True)  # what a half-deleted dataset left
        folder.chmod(0o755)
        folder.rename(place)
        return replace(dataset, folder=place)


def _renew(same: Dataset, folder: Path, source: str, *, root: Path | None, archive: str, stamp: str) -> Dataset:
    """Take note of where a known content has come from this time."""
    if root:
        renewed = replace(same, root=root, stamp=stamp) if same.source == "folder" else same
    else:
        renewed = replace(same, archive=archive or same.archive)
        if same.source == "folder" or not same.root.is_dir():  # a copy of our own is safer than a folder elsewhere
            (folder / "files").rename(same.folder / "files")
            renewed = replace(renewed, source=source, root=same.folder / "files", stamp="")
    write_dataset_file(renewed)
    return renewed


def keep_groups(dataset: Dataset, groups: Path | None) -> Dataset:
    """Keep a copy of a table of groups with a dataset, if there is one to keep."""
    if groups is None:
        return dataset
    read_groups(groups)
    with atomic_path(dataset.folder / "groups.csv") as temporary:
        shutil.copyfile(groups, temporary)
    return replace(dataset, groups=dataset.folder / "groups.csv")


def require_images(root: Path, name: str) -> None:
    """Refuse a folder without images."""
    if not find_samples(root)[0]:
        raise DatasetError(f"There are no images in {name}: PNG, JPEG, BMP or TIFF files are looked for.")


def folder_stamp(root: Path) -> str:
    """Return a digest of the names, sizes and times of the files below a folder."""
    digest = new_digest()
    for parts, names in walk_files(root, []):
        here = f"{root.joinpath(*parts)}{os.sep}"
        for name in names:
            found = os.lstat(here + name)
            digest.update(f"{'/'.join(parts)}/{name}\0{found.st_size}\0{found.st_mtime_ns}\0".encode(errors="replace"))
    return digest.hexdigest()
