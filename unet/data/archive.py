"""Unpacking what a stranger sends: every name, size and byte is checked before anything counts as kept."""

from __future__ import annotations

import errno
import posixpath
import re
import shutil
import stat
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from unet.data.images import IMAGE_SUFFIXES
from unet.data.layouts import JUNK, walk_files
from unet.errors import ArchiveError
from unet.settings import MB, Settings

Progress = Callable[[int, int], None]

# Images, masks, and the tables that tell groups; all else in an archive is passed over.
KEPT_SUFFIXES = IMAGE_SUFFIXES | {".csv"}
ARCHIVE_SUFFIXES = {".zip", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".7z", ".rar"}
PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
CHUNK = 256 * 1024
MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 1000
LOCAL_HEADER_BYTES = 30
ENCRYPTED = 0x1


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
        members = _check_members(opened.infolist(), limits)
        total = sum(member.file_size for _, member in members)
        if total > shutil.disk_usage(folder).free:
            raise ArchiveError(f"The archive unpacks to {total / MB:,.0f} MB, and the disk has less left than that.")
        digests = {}
        for path, member in members:
            with _refusals(member.filename), opened.open(member) as source:
                digests[path] = _store(source, Path(folder) / path, member.file_size, member.filename)
            if progress:
                progress(len(digests), len(members))
    return _fingerprint(digests)


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
    _check_tree([path for path, _ in wanted])
    digests, room = {}, limits.max_bytes
    for path, file in wanted:
        with _refusals(str(path)):
            digests[path] = _store(file, Path(folder) / path, room, str(path))
            room -= (Path(folder) / path).stat().st_size
        if progress:
            progress(len(digests), len(wanted))
    return _fingerprint(digests)


def folder_fingerprint(folder: Path, progress: Progress | None = None) -> str:
    """Return the fingerprint of the images and tables below a folder; links are not followed.

    Names and contents count; the folders around all of them, and files of other kinds, do not.
    """
    # Tens of thousands of small files: strings in place of paths take a third of the time.
    names = ["/".join((*parts, name)) for parts, files in walk_files(Path(folder), []) for name in files]
    wanted = [name for name in names if PurePosixPath(name).suffix.lower() in KEPT_SUFFIXES]
    digests = {}
    for name in wanted:
        digests[name] = blake2b(Path(folder, name).read_bytes(), digest_size=16).digest()
        if progress:
            progress(len(digests), len(wanted))
    return _fingerprint(digests)


def safe_path(name: str) -> PurePosixPath:
    """Return the relative path that a name in an archive or upload stands for.

    Raises
    ------
    ArchiveError
        If it is absolute, leads out of its folder, or no file could be called so.
    """
    shown = ascii(name[:200])
    if name.startswith(("/", "\\")) or re.match(r"[A-Za-z]:", name):
        raise ArchiveError(f"The member {shown} has an absolute path; such archives are refused.")
    path = PurePosixPath(name.replace("\\", "/"))
    if ".." in path.parts:
        raise ArchiveError(f"The member {shown} leads out of its folder; such archives are refused.")
    encoded = [part.encode("utf-8", "surrogatepass") for part in path.parts]
    too_long = any(len(part) > MAX_NAME_BYTES for part in encoded) or sum(map(len, encoded)) > MAX_PATH_BYTES
    if too_long or any(ord(letter) < 32 or 0xD800 <= ord(letter) < 0xE000 for letter in name):
        raise ArchiveError(f"The member {shown} has a name that no file can have; such archives are refused.")
    return path


def is_wanted(path: PurePosixPath) -> bool:
    """Whether a file is an image or table, and not what a system leaves behind, such as ``__MACOSX``."""
    junk = any(part.startswith(".") or part.lower() in JUNK for part in path.parts)
    return not junk and path.suffix.lower() in KEPT_SUFFIXES


def _check_members(members: list[zipfile.ZipInfo], limits: Limits) -> list[tuple[PurePosixPath, zipfile.ZipInfo]]:
    """Return path and member of each file to unpack, all found good."""
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
    _check_overlap(members)
    _check_tree([path for path, _ in wanted])
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


def _check_overlap(members: list[zipfile.ZipInfo]) -> None:
    """Refuse members that share bytes: a small archive can pretend to be a large one that way."""
    ordered = sorted(members, key=lambda member: member.header_offset)
    for member, following in pairwise(ordered):
        if member.header_offset + LOCAL_HEADER_BYTES + member.compress_size > following.header_offset:
            raise ArchiveError(
                f"The members {member.filename!a} and {following.filename!a} overlap; such archives are refused."
            )


def _check_tree(paths: Iterable[PurePosixPath]) -> None:
    """Refuse two files of one name, on disks too where case and accents do not tell names apart."""
    files: dict[str, PurePosixPath] = {}
    for path in paths:
        same = files.setdefault(_key(path), path)
        if same is not path:
            raise ArchiveError(f"The member {str(path)!a} is there twice; such archives are refused.")
    for path in files.values():
        for parent in path.parents[:-1]:
            if _key(parent) in files:
                raise ArchiveError(f"The member {str(parent)!a} is a file and a folder; such archives are refused.")


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()


def _store(source: BinaryIO, path: Path, room: int, name: str) -> bytes:
    """Write a file, counting its bytes as they come, since sizes in headers lie; return the digest of its content."""
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = blake2b(digest_size=16)
    with path.open("xb") as target:
        while chunk := source.read(CHUNK):
            room -= len(chunk)
            if room < 0:
                raise ArchiveError(f"{name!a} is larger than it may be; such archives and uploads are refused.")
            digest.update(chunk)
            target.write(chunk)
    return digest.digest()


def _fingerprint(digests: Mapping[str | PurePosixPath, bytes]) -> str:
    """Combine names and contents; the folders that all files share do not count."""
    named = {str(path): digest for path, digest in digests.items()}
    common = posixpath.commonpath([posixpath.dirname(name) for name in named]) if named else ""
    start = len(common) + 1 if common else 0
    total = blake2b(digest_size=16)
    for name in sorted(named):
        total.update(name[start:].encode("utf-8", "surrogateescape") + b"\0" + named[name])
    return total.hexdigest()


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
                f"The disk is full; {name!a} could not be stored. Free some space and try again."
            ) from error
        raise ArchiveError(f"{name!a} cannot be read or stored: {error.strerror or error}.") from error
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError) as error:
        raise ArchiveError(f"{name!a} is damaged or no zip archive ({error}); make or download it again.") from error
