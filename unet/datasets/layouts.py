"""Finding the samples in a folder, however it is laid out.

Two layouts are known, at any depth and in any mixture, upper or lower case:

``nuclei``
    one folder per image, as in the tutorial: ``<id>/images/<id>.png`` and ``<id>/masks/*.png``, one nucleus per mask;
``paired``
    ``images/`` beside ``masks/`` or ``labels/``, where an image and its mask have the same name.

Images without a mask, or in a folder of neither kind, are there to be predicted (``image``).
"""

from __future__ import annotations

import os
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from unet.datasets.finished import TABLE, add_finished
from unet.datasets.groups import add_groups
from unet.datasets.samples import Sample, name_some
from unet.errors import DatasetError
from unet.io.images import IMAGE_SUFFIXES

ROLES = {
    "image": "images",
    "images": "images",
    "mask": "masks",
    "masks": "masks",
    "label": "labels",
    "labels": "labels",
}
JUNK = {"__macosx", "thumbs.db", "desktop.ini"}


@dataclass(frozen=True)
class _File:
    """A file below a folder that has a role: ``key`` is what it shares with its partner on the other side."""

    path: Path
    key: str


@dataclass
class _Unit:
    """A folder with ``images/``, ``masks/`` or ``labels/`` in it."""

    name: str
    images: list[_File] = field(default_factory=list)
    masks: list[_File] = field(default_factory=list)
    labels: list[_File] = field(default_factory=list)


def find_samples(root: Path, groups: Path | None = None) -> tuple[list[Sample], list[str]]:
    """Find all samples below a folder. Links are not followed; no file but a CSV of groups is opened.

    Parameters
    ----------
    root : Path
    groups : Path, optional
        A CSV with the columns ``ImageId``, ``group`` and perhaps ``stain`` and ``kind``; without it, any
        ``*groups*.csv`` below ``root`` serves.

    Returns
    -------
    samples : list of Sample
        Sorted by id.
    notes : list of str
        What was found and could not be used, in sentences.

    Raises
    ------
    DatasetError
        If ``root`` is no folder that can be read, ``groups`` no such CSV, or a ``finished.csv`` no such table.
    """
    root = Path(root)
    if not root.is_dir():
        raise DatasetError(f"The folder {root} does not exist; name the folder that holds the images.")
    units, loose, tables, notes = _collect(root)
    samples = [Sample("", path, (), "image") for path in loose]
    for folder in sorted(units):
        found, said = _pair(units[folder], "/".join(folder) or root.name)
        samples += found
        notes += said
    samples = sorted(_with_ids(samples, root), key=lambda sample: sample.id)
    samples, said = add_groups(
        samples,
        [groups] if groups else [path for path in tables if path.name.lower() != TABLE],
        strict=groups is not None,
    )
    return list(add_finished(samples, [path for path in tables if path.name.lower() == TABLE])), notes + said


def _collect(root: Path) -> tuple[dict[tuple[str, ...], _Unit], list[Path], list[Path], list[str]]:
    """Sort all files below ``root`` by the role of the nearest folder above them that has one."""
    units: dict[tuple[str, ...], _Unit] = {}
    flat: dict[tuple[str, ...], list[str]] = {}
    tables: list[Path] = []
    notes: list[str] = []
    for parts, files in walk_files(root, notes):
        here = root.joinpath(*parts)
        images = [name for name in files if _split(name)[1] in IMAGE_SUFFIXES]
        depth = max((i for i, part in enumerate(parts) if part.lower() in ROLES), default=None)
        if depth is None:
            tables += [here / name for name in files if _is_table(name.lower())]
            if images:
                flat[parts] = images
        elif images:
            unit = units.setdefault(parts[:depth], _Unit(parts[depth - 1] if depth else root.name))
            getattr(unit, ROLES[parts[depth].lower()]).extend(_files(here, images, parts[depth + 1 :]))
    loose = []
    for parts, names in flat.items():
        beside = units.get(parts)
        here = root.joinpath(*parts)
        if beside and not beside.images:  # the images lie beside masks/, not in a folder of their own
            beside.images = _files(here, names, ())
        else:
            loose += [here / name for name in names]
    return units, loose, tables, notes


def walk_files(root: Path, notes: list[str]) -> Iterator[tuple[tuple[str, ...], list[str]]]:
    """Yield the folders below ``root``, as the parts of their paths, each with the names of its files.

    Junk and links are passed over; a folder that cannot be read is noted.
    """
    waiting: list[tuple[str, ...]] = [()]
    while waiting:
        parts = waiting.pop()
        try:
            with os.scandir(root.joinpath(*parts)) as entries:
                kept = sorted((e for e in entries if not _junk(e.name) and not e.is_symlink()), key=lambda e: e.name)
                folders = [e.name for e in kept if e.is_dir(follow_symlinks=False)]
                files = [e.name for e in kept if e.is_file(follow_symlinks=False)]
        except OSError as error:
            notes.append(f"The folder {'/'.join(parts) or root} cannot be read: {error.strerror}.")
            continue
        waiting += [(*parts, name) for name in reversed(folders)]
        yield parts, files


def _is_table(name: str) -> bool:
    return name == TABLE or (name.endswith(".csv") and "groups" in name)


def _junk(name: str) -> bool:
    return name.startswith(".") or name.lower() in JUNK


def _files(here: Path, names: list[str], inner: tuple[str, ...]) -> list[_File]:
    return [_File(here / name, "/".join((*inner, _split(name)[0]))) for name in names]


def _split(name: str) -> tuple[str, str]:
    """Return a file's name without its suffix, and the suffix in lower case."""
    stem, dot, suffix = name.rpartition(".")
    return (stem, f".{suffix.lower()}") if dot else (name, "")


def _pair(unit: _Unit, folder: str) -> tuple[list[Sample], list[str]]:
    """Make samples of the images in a unit; say which masks have no image."""
    masks = unit.masks + unit.labels
    if _is_nuclei(unit, masks):
        paths = tuple(sorted((mask.path for mask in masks), key=str))
        return [Sample("", unit.images[0].path, paths, "nuclei")], []
    candidates = defaultdict(list)
    for mask in masks:
        candidates[mask.key].append(mask)
    samples, used = [], set()
    kinds = {(mask.key, mask.path.suffix.lower()) for mask in masks}
    # Of two images of one name and different suffixes, the one whose suffix a mask shares has the first choice.
    for image in sorted(unit.images, key=lambda image: (image.key, image.path.suffix.lower()) not in kinds):
        suffix = image.path.suffix.lower()
        free = [mask.path for mask in candidates[image.key] if mask.path not in used]
        ranked = sorted(free, key=lambda path: path.suffix.lower() != suffix)
        used.update(ranked[:1])
        samples.append(Sample("", image.path, tuple(ranked[:1]), "paired" if ranked else "image"))
    keys = {image.key for image in unit.images}
    unused = [mask for mask in masks if mask.path not in used]
    orphans = [mask.path for mask in unused if mask.key not in keys]
    doubles = [mask.path for mask in unused if mask.key in keys]
    notes = []
    if orphans:
        notes.append(f"In {folder}, {_count(orphans)} no image of the same name: {name_some(orphans)}.")
    if doubles:
        notes.append(f"In {folder}, {_count(doubles)} an image that has another mask already: {name_some(doubles)}.")
    return samples, notes


def _is_nuclei(unit: _Unit, masks: list[_File]) -> bool:
    """Whether all masks belong to the one image, one nucleus each.

    A single mask with the image's own name is the other layout: it may hold many nuclei.
    """
    if len(unit.images) != 1 or not masks:
        return False
    name = unit.images[0].key
    named_alike = any(mask.key == name for mask in masks)
    return not named_alike or (len(masks) > 1 and unit.name == name)


def _with_ids(samples: list[Sample], root: Path) -> Iterator[Sample]:
    """Name samples after their images, and after their folders and suffixes where names repeat."""
    paths = [PurePosixPath(sample.image.relative_to(root).as_posix()) for sample in samples]
    shared = len(PurePosixPath(os.path.commonpath([path.parent for path in paths])).parts) if paths else 0
    repeated = {name for name, count in Counter(path.stem for path in paths).items() if count > 1}
    taken = {path.stem for path in paths} - repeated
    numbers: dict[str, int] = {}  # where counting stopped for a name: from 2 each time, many names would take hours
    for path, sample in sorted(zip(paths, samples, strict=True)):
        name = path.stem
        if name in repeated:
            name = _free_name(path, shared, taken, numbers)
            taken.add(name)
        yield replace(sample, id=name)


def _free_name(path: PurePosixPath, shared: int, taken: set[str], numbers: dict[str, int]) -> str:
    folders = [part for part in path.parts[shared:-1] if part.lower() not in ROLES]
    short = "-".join([*folders, path.stem])
    long = f"{short}-{path.suffix[1:].lower()}"
    for name in (short, long):
        if name not in taken:
            return name
    while True:
        numbers[long] = numbers.get(long, 1) + 1
        name = f"{long}-{numbers[long]}"
        if name not in taken:
            return name


def _count(masks: list[Path]) -> str:
    return "1 mask belongs to" if len(masks) == 1 else f"{len(masks)} masks belong to"
