"""Uploads on disk, named by their content: they outlive the widget that they came by, and a link finds them again."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from unet.digest import digest_of, new_digest
from unet.errors import UnetError
from unet.files import own_prefix, read_json, write_json
from unet.runs.pruning import mark_used
from unet.settings import MB, Settings

CHUNK = 4 * MB
SET_SUFFIX = ".json"
# Other parts of the app keep things of their own in the same folder.
OWN_NAME = re.compile(r"[0-9a-f]{32}(\.json)?")


class UploadError(UnetError):
    """An upload cannot be kept."""


@dataclass(frozen=True)
class Upload:
    """A file that somebody uploaded.

    Attributes
    ----------
    name : str
        What its owner calls it; no path.
    path : Path
        Where it lies; its name there says nothing.
    digest : str
        Of its content.
    """

    name: str
    path: Path
    digest: str


def max_kept_bytes(settings: Settings) -> int:
    """Return how much is kept in all: room for the largest upload, and as much again."""
    return 2 * settings.max_upload_mb * MB


def keep_upload(file: BinaryIO, name: str, settings: Settings) -> Upload:
    """Copy an upload to disk, in chunks; the same content again is the same file.

    Raises
    ------
    OSError
        If the disk is full.
    """
    folder = settings.uploads
    folder.mkdir(parents=True, exist_ok=True)
    digest = new_digest()
    file.seek(0)
    handle, temporary = tempfile.mkstemp(prefix=own_prefix(), dir=folder)
    try:
        with os.fdopen(handle, "wb") as target:
            for chunk in iter(partial(file.read, CHUNK), b""):
                digest.update(chunk)
                target.write(chunk)
        path = folder / digest.hexdigest()
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return Upload(_own_name(name), path, digest.hexdigest())


def _own_name(name: str) -> str:
    """The last part of a path, of any system, as text that can be stored."""
    last = PurePosixPath(name.replace("\\", "/")).name
    return last.encode("utf-8", "replace").decode() or "unnamed"


def keep_uploads(files: Iterable[tuple[str, BinaryIO]], settings: Settings) -> str:
    """Keep several uploads as a set, and drop the oldest others if there are too many in all.

    Returns
    -------
    str
        The key of the set, for ``find_uploads``: 32 hexadecimal digits that nobody can guess without the files.

    Raises
    ------
    UploadError
        If the set alone is larger than what is kept.
    OSError
        If the disk is full.
    """
    kept: list[Upload] = []
    room = max_kept_bytes(settings)
    for name, file in files:
        kept.append(keep_upload(file, name, settings))
        room -= kept[-1].path.stat().st_size
        if room < 0:
            trim_uploads(settings, max_kept_bytes(settings))
            raise UploadError(
                f"These files are more than {max_kept_bytes(settings) // MB:,} MB in all. Upload fewer at a time."
            )
    members = [{"name": upload.name, "digest": upload.digest} for upload in kept]
    key = digest_of(repr(members).encode("utf-8", "replace"))
    write_json(settings.uploads / f"{key}{SET_SUFFIX}", members)
    trim_uploads(settings, max_kept_bytes(settings))
    return key


def find_uploads(key: str, settings: Settings) -> tuple[list[Upload], list[str]]:
    """Return the uploads of a set, and the names of those that are no longer kept.

    Both are empty if there is no such set. Those found count as used just now.
    """
    # The key comes from an address: it must not lead anywhere else.
    if not re.fullmatch(r"[0-9a-f]{32}", key):
        return [], []
    folder = settings.uploads
    try:
        members = [(str(member["name"]), str(member["digest"])) for member in read_json(folder / f"{key}{SET_SUFFIX}")]
    except (OSError, ValueError, TypeError, KeyError):
        return [], []
    found, gone = [], []
    for name, digest in members:
        upload = Upload(name, folder / digest, digest)
        if OWN_NAME.fullmatch(digest) and upload.path.is_file():
            mark_used(upload.path)
            found.append(upload)
        else:
            gone.append(name)
    mark_used(folder / f"{key}{SET_SUFFIX}")
    return found, gone


def looked_at(upload: Upload, settings: Settings) -> None:
    """Say that an upload is in use; what lies elsewhere, a dataset's image perhaps, is not ours to touch."""
    if upload.path.parent == settings.uploads:
        mark_used(upload.path)


def trim_uploads(settings: Settings, max_bytes: int) -> None:
    """Delete the uploads that were not used for the longest time, until the others fit."""
    entries = []
    for path in settings.uploads.glob("*"):
        with suppress(OSError):
            if OWN_NAME.fullmatch(path.name) and path.is_file():
                stat = path.stat()
                entries.append((stat.st_mtime_ns, stat.st_size, path))
    room = max_bytes
    for _, size, path in sorted(entries, reverse=True):
        room -= size
        if room < 0:
            with suppress(OSError):
                path.unlink()
