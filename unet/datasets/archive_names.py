"""Names in an archive or upload: which are kept, and which no honest sender would use."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from pathlib import PurePosixPath

from unet.datasets.layouts import JUNK
from unet.errors import ArchiveError
from unet.io.images import IMAGE_SUFFIXES

# Images, masks, and the tables that tell groups; all else in an archive is passed over.
KEPT_SUFFIXES = IMAGE_SUFFIXES | {".csv"}
MAX_NAME_BYTES, MAX_PATH_BYTES = 255, 1000
# Folders cost room on the disk as files do. The tutorial's layout has three a sample of two files or more.
MAX_DEPTH, FOLDERS_A_FILE, FEW_FOLDERS = 20, 3, 100
DRIVE = re.compile(r"[A-Za-z]:")
# Control characters, and halves of characters.
NO_LETTER = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def safe_path(name: str) -> PurePosixPath:
    """Return the relative path that a name in an archive or upload stands for.

    Raises
    ------
    ArchiveError
        If it is absolute, leads out of its folder, or no file could be called so.
    """
    shown = ascii(name[:200])
    if name.startswith(("/", "\\")) or DRIVE.match(name):
        raise ArchiveError(f"The member {shown} has an absolute path; such archives are refused.")
    path = PurePosixPath(name.replace("\\", "/"))
    if ".." in path.parts:
        raise ArchiveError(f"The member {shown} leads out of its folder; such archives are refused.")
    if NO_LETTER.search(name) or _too_long(path):
        raise ArchiveError(f"The member {shown} has a name that no file can have; such archives are refused.")
    if len(path.parts) > MAX_DEPTH:
        raise ArchiveError(f"The member {shown} lies {len(path.parts)} folders deep; {MAX_DEPTH} are allowed.")
    return path


def is_wanted(path: PurePosixPath) -> bool:
    """Whether a file is an image or table, and not what a system leaves behind, such as ``__MACOSX``."""
    junk = any(part.startswith(".") or part.lower() in JUNK for part in path.parts)
    return not junk and path.suffix.lower() in KEPT_SUFFIXES


def _too_long(path: PurePosixPath) -> bool:
    if len(str(path)) * 4 <= MAX_NAME_BYTES:  # a character takes four bytes at most
        return False
    parts = [len(part.encode()) for part in path.parts]
    return max(parts, default=0) > MAX_NAME_BYTES or sum(parts) > MAX_PATH_BYTES


def check_tree(paths: Iterable[PurePosixPath]) -> None:
    """Refuse two files of one name, also on disks that ignore case and accents, and needless folders.

    Raises
    ------
    ArchiveError
    """
    files: dict[str, PurePosixPath] = {}
    for path in paths:
        same = files.setdefault(_key(path), path)
        if same is not path:
            raise ArchiveError(f"The member {str(path)!r} is there twice; such archives are refused.")
    folders = {parent for path in files.values() for parent in path.parents[:-1]}
    if len(folders) > FOLDERS_A_FILE * len(files) + FEW_FOLDERS:
        raise ArchiveError(
            f"There are {len(folders):,} folders for {len(files):,} files; such archives and uploads are refused. "
            "Put the files into fewer folders."
        )
    for folder in folders:
        if _key(folder) in files:
            raise ArchiveError(f"The member {str(folder)!r} is a file and a folder; such archives are refused.")


def _key(path: PurePosixPath) -> str:
    return unicodedata.normalize("NFC", str(path)).casefold()
