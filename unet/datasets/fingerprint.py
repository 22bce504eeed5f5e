"""What identifies a dataset: the names and contents of its files, wherever they lie."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath

import numpy as np

from unet.datasets.archive_names import KEPT_SUFFIXES
from unet.datasets.layouts import walk_files
from unet.digest import new_digest
from unet.errors import DatasetError

# Of an image's digest: enough to tell a million images apart, few enough to list those that a model learned from.
IMAGE_DIGITS = 10
CHUNK = 256 * 1024


def folder_fingerprint(folder: Path, progress: Callable[[int, int], None] | None = None) -> str:
    """Return the fingerprint of the images and tables below a folder; links are not followed.

    Names and contents count; the folders around all of them, and files of other kinds, do not.

    Raises
    ------
    DatasetError
        If a file cannot be read; the message names it.
    """
    # Tens of thousands of small files: strings in place of paths take a third of the time.
    names = ["/".join((*parts, name)) for parts, files in walk_files(Path(folder), []) for name in files]
    wanted = [name for name in names if posixpath.splitext(name)[1].lower() in KEPT_SUFFIXES]
    digests: dict[str | PurePosixPath, bytes] = {}
    for name in wanted:
        try:
            digests[name] = _digest(f"{folder}/{name}")
        except OSError as error:
            raise DatasetError(f"{name!r} cannot be read: {error.strerror}.") from error
        if progress:
            progress(len(digests), len(wanted))
    return combine(digests)


def image_digest(image: np.ndarray) -> str:
    """Return what an image is known by, whatever its file is called: ten hexadecimal digits of its pixels."""
    digest = new_digest(f"{image.shape} {image.dtype.str}".encode(), IMAGE_DIGITS // 2)
    digest.update(np.ascontiguousarray(image).data)
    return digest.hexdigest()


def _digest(path: str) -> bytes:
    digest = new_digest()
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - see above
        while chunk := file.read(CHUNK):
            digest.update(chunk)
    return digest.digest()


def combine(digests: Mapping[str | PurePosixPath, bytes]) -> str:
    """Combine names and contents; the folders that all files share do not count."""
    named = {str(path): digest for path, digest in digests.items()}
    common = posixpath.commonpath([posixpath.dirname(name) for name in named]) if named else ""
    start = len(common) + 1 if common else 0
    total = new_digest()
    for name in sorted(named):
        total.update(name[start:].encode("utf-8", "surrogateescape") + b"\0" + named[name])
    return total.hexdigest()
