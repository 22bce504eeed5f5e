"""Unpacking what a stranger sends: every name, size and byte is checked before anything counts as kept."""

from __future__ import annotations

import errno
import shutil
import stat
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, BinaryIO

from unet.datasets.archive_names import check_tree, is_wanted, safe_path
from unet.datasets.fingerprint import combine
from unet.digest import new_digest
from unet.errors import ArchiveError, shortened
from unet.settings import MB, Settings

Progress = Callable[[int, int], None]

ARCHIVE_SUFFIXES = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"}
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
CHUNK = 256 * 1024
LOCAL_HEADER_BYTES = 30
ENCRYPTED = 0x1
# What zipfile has been seen to raise on a damaged archive.
DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    struct.error,
    EOFError,
    NotImplementedError,
    RuntimeError,
    ValueError,
    LookupError,
    OverflowError,
    MemoryError,
)


@dataclass(frozen=True)
class Limits:
    """How much an archive or upload may bring.

    Attributes
    ----------
    max_bytes : int
        Of all its files together, unpacked.
    max_members : int
        Files and folders.
    max_ratio : float
        How many times a member of more than ``ratio_floor`` bytes may grow when it is unpacked.
    ratio_floor : int
    """

    max_bytes: int = 2000 * MB
    max_members: int = 200_000
    max_ratio: float = 200.0
    ratio_floor: int = 4 * MB

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Return the limits of a deployment."""
        return cls(max_bytes=settings.max_dataset_mb * MB)


def extract_zip(archive: Path, folder: Path, limits: Limits, progress: Progress | None = None) -> str:
    """Unpack the images and tables of a zip below a folder.

    All members are checked before the first is written. Let the folder be one that is thrown away if this fails.

    Parameters
    ----------
    archive : Path
    folder : Path
        It must exist and be empty.
    limits : Limits
    progress : callable, optional
        Takes the number of files done and their total.

    Returns
    -------
    str
        The fingerprint of the content: that of ``folder_fingerprint`` for the same files.

    Raises
    ------
    ArchiveError
        If the archive is damaged, hostile or too large; the message names the member.
    """
    with _refusals(Path(archive).name), zipfile.ZipFile(archive) as opened:
        members = _check_members(opened, limits)
        total = sum(member.file_size for _, member in members)
        if total > shutil.disk_usage(folder).free:
            raise ArchiveError(f"The archive unpacks to {total / MB:,.0f} MB, and the disk has less left than that.")
        digests: dict[str | PurePosixPath, bytes] = {}
        for path, member in members:
            with _refusals(member.filename), opened.open(member) as source:
                digests[path], size = _store(source, Path(folder) / path, member.file_size, member.filename)
            if size != member.file_size:
                raise ArchiveError(f"{member.filename!r} is smaller than the archive says; make or download it again.")
            if progress:
                progress(len(digests), len(members))
    return combine(digests)


def store_files(
    files: Iterable[tuple[str, BinaryIO]], folder: Path, limits: Limits, progress: Progress | None = None
) -> str:
    """Store the images and tables of a directory upload below a folder, names checked as in an archive.

    Parameters
    ----------
    files : iterable of (str, file object)
        Relative paths and what to read them from.
    folder : Path
        It must exist and be empty.
    limits : Limits
    progress : callable, optional
        Takes the number of files done and their total.

    Returns
    -------
    str
        The fingerprint of the content.

    Raises
    ------
    ArchiveError
        If a name is hostile, or there is too much.
    """
    wanted = [(path, file) for path, file in ((safe_path(name), file) for name, file in files) if is_wanted(path)]
    if len(wanted) > limits.max_members:
        raise ArchiveError(f"The upload has {len(wanted):,} files; {limits.max_members:,} are allowed.")
    check_tree([path for path, _ in wanted])
    digests: dict[str | PurePosixPath, bytes] = {}
    room = limits.max_bytes
    for path, file in wanted:
        with _refusals(str(path)):
            digests[path], size = _store(file, Path(folder) / path, room, str(path))
        room -= size
        if progress:
            progress(len(digests), len(wanted))
    return combine(digests)


def _check_members(archive: zipfile.ZipFile, limits: Limits) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return path and member of each file to unpack, all found good."""
    members = archive.infolist()
    if len(members) > limits.max_members:
        raise ArchiveError(f"The archive has {len(members):,} members; {limits.max_members:,} are allowed.")
    wanted, total = [], 0
    for member in members:
        path = safe_path(member.filename)
        _check_kind(member, path)
        if member.is_dir() or not is_wanted(path):
            continue
        total += member.file_size
        _check_size(member, total, limits)
        wanted.append((path, member))
    _check_overlap(members, archive.start_dir)
    check_tree([path for path, _ in wanted])
    return wanted


def _check_kind(member: zipfile.ZipInfo, path: PurePosixPath) -> None:
    shown = ascii(member.filename)
    mode = stat.S_IFMT(member.external_attr >> 16)
    if mode == stat.S_IFLNK:
        raise ArchiveError(f"The member {shown} is a link; put the file itself into the archive.")
    if mode not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise ArchiveError(f"The member {shown} is neither a file nor a folder; such archives are refused.")
    if member.flag_bits & ENCRYPTED:
        raise ArchiveError(f"The member {shown} is encrypted; make the archive without a password.")
    if not member.is_dir() and path.suffix.lower() in ARCHIVE_SUFFIXES and is_wanted(path.with_suffix(".png")):
        raise ArchiveError(f"The member {shown} is an archive itself; unpack it and make one archive of its files.")


def _check_size(member: zipfile.ZipInfo, total: int, limits: Limits) -> None:
    shown = ascii(member.filename)
    if total > limits.max_bytes:
        raise ArchiveError(
            f"The archive unpacks to more than {limits.max_bytes / MB:,.0f} MB, reached at the member {shown}; "
            "make a smaller dataset of it, or raise the limit."
        )
    if member.file_size > limits.ratio_floor and member.file_size > limits.max_ratio * member.compress_size:
        raise ArchiveError(
            f"The member {shown} grows more than {limits.max_ratio:g} times when it is unpacked, as archives do that "
            "are made to fill a disk; save it as PNG or as compressed TIFF."
        )
    if member.compress_type not in PACKINGS:
        raise ArchiveError(f"The member {shown} is packed in an unusual way; make the archive with Deflate.")


def _check_overlap(members: list[zipfile.ZipInfo], end: int) -> None:
    """Refuse members that share bytes: a small archive can pretend to be a large one that way."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    starts = [*(member.header_offset for member in ordered[1:]), end]
    for member, following in zip(ordered, starts, strict=False):
        if member.header_offset + LOCAL_HEADER_BYTES + member.compress_size > following:
            raise ArchiveError(f"The member {member.filename!r} overlaps what follows it; such archives are refused.")


def _store(source: IO[bytes], path: Path, room: int, name: str) -> tuple[bytes, int]:
    """Write a file, counting its bytes as they come, since sizes in headers lie; return its digest and size."""
    digest, size = new_digest(), 0
    with _create(path) as target:
        while chunk := source.read(CHUNK):
            size += len(chunk)
            if size > room:
                raise ArchiveError(f"{name!r} is larger than it may be; such archives and uploads are refused.")
            digest.update(chunk)
            target.write(chunk)
    return digest.digest(), size


def _create(path: Path) -> BinaryIO:
    try:
        return path.open("xb")
    except FileNotFoundError:  # only the first file of a folder comes here: most have dozens
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")


@contextmanager
def _refusals(name: str) -> Iterator[None]:
    """Turn whatever a damaged archive or a full disk raises into words about the file."""
    try:
        yield
    except ArchiveError:
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise ArchiveError(
                f"The disk is full; {name!r} could not be stored. Free some space and try again."
            ) from error
        raise ArchiveError(f"{name!r} cannot be read or stored: {error.strerror or error}.") from error
    except DAMAGED as error:
        raise ArchiveError(
            f"{name!r} is damaged or not a zip archive ({shortened(str(error))}); make or download it again."
        ) from error
