"""Writing so that a reader, or a kill in mid-write, never meets half a file; and clearing away what kills left.

Whatever is still being written has a name that tells whose it is, beginning as ``own_prefix`` gives it.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from unet.digest import digest_of
from unet.processes import birth, machine

OLD = ".old"
NAME = re.compile(r"[\w-][\w.-]*")
MAX_NAME_BYTES = 120
# A process' number, what names its machine and what names itself.
OWN = re.compile(r"\.(\d{1,10})-([0-9a-f]{8})-([0-9a-f]{8})-")
# Names that nobody can be asked about: of another machine, or of earlier versions. After a day they are left over.
UNKNOWN = re.compile(r"\.unfinished-|\.upload-|zip-|results-|model-|map-")
DAY = 24 * 3600
# Below it, ``sweep`` looks no deeper; and it never looks into what a user has given.
DEPTH, GIVEN = 4, "files"
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def is_name(text: str) -> bool:
    """Tell whether a text, perhaps from an address, can name a folder here: one that exists, and leads nowhere else."""
    return bool(NAME.fullmatch(text)) and len(text.encode(errors="replace")) <= MAX_NAME_BYTES


def slug_of(name: str, default: str, longest: int = 40) -> str:
    """Return a name as the beginning of a folder's: small letters, digits and hyphens; ``default`` if none are left."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:longest].strip("-") or default


def is_full_disk(error: BaseException | None) -> bool:
    """Tell whether an error says that the disk is full, or comes of one that does.

    HDF5 and TensorFlow say it in words alone.
    """
    while error is not None:
        if isinstance(error, OSError) and error.errno in FULL:
            return True
        if re.search(r"no space left|disk quota exceeded|errno = (28|122)\b", str(error), re.IGNORECASE):
            return True
        error = error.__cause__ or error.__context__
    return False


def own_prefix() -> str:
    """Return how the names of this process' unfinished files begin."""
    return _prefix(os.getpid())


@cache
def _prefix(pid: int) -> str:
    return f".{pid}-{_short(machine())}-{_short(birth(pid))}-"


def _short(text: str) -> str:
    return digest_of(text.encode(), 4)


def sweep(folder: Path) -> None:
    """Remove what processes that are gone have left unfinished below a folder, and nothing that is in use."""
    _sweep(Path(folder), 0)


def _sweep(folder: Path, depth: int) -> None:
    try:
        with os.scandir(folder) as found:
            entries = list(found)
    except OSError:
        return
    for entry in entries:
        path = Path(entry.path)
        with contextlib.suppress(OSError):
            if _is_left(path):
                _remove(path)
            elif depth < DEPTH and entry.name != GIVEN and entry.is_dir(follow_symlinks=False):
                _sweep(path, depth + 1)


def _is_left(path: Path) -> bool:
    own = OWN.match(path.name)
    if own and own[2] == _short(machine()):
        return _short(birth(int(own[1]))) != own[3]
    return bool(own or UNKNOWN.match(path.name)) and time.time() - path.lstat().st_mtime > DAY


def _remove(path: Path) -> None:
    if path.name.endswith(OLD):
        recover_folder(path.with_name(_name_of_old(path)))
    elif path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def name_shown(path: str) -> str:
    """Return the path that somebody has named, of one that is perhaps still being written under another name."""
    folder, slash, name = path.rpartition(os.sep)
    return folder + slash + (OWN.sub("", name, count=1)[9:] if OWN.match(name) else name)


def _name_of_old(path: Path) -> str:
    """Return which folder's earlier content this is: the name behind the prefix and mkdtemp's eight letters."""
    return OWN.sub("", path.name, count=1)[9:].removesuffix(OLD)


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path``; when the block ends well it takes the name ``path``, whole and synced.

    Whatever goes wrong inside the block, a full disk included, the old file stays and the temporary one goes.
    The temporary name keeps ``path``'s full suffix, since some writers insist on theirs.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"{own_prefix()}{os.urandom(4).hex()}-{path.name[-40:]}")
    try:
        yield temporary
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, data: Any) -> None:
    """Write ``data`` as JSON, atomically. NaN and infinity are refused: they are not JSON."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(Path(path).read_text(encoding="utf-8"))


@contextlib.contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """Yield a new folder beside ``folder``; when the block ends well it takes ``folder``'s place, whole.

    A folder that was there before is kept until the new one is complete.
    """
    folder = Path(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    recover_folder(folder)
    temporary = Path(tempfile.mkdtemp(prefix=own_prefix(), suffix=f"-{folder.name}", dir=folder.parent))
    try:
        yield temporary
        temporary.chmod(0o755)
        old = temporary.with_name(temporary.name + OLD)
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except BaseException:
        shutil.rmtree(temporary, ignore_errors=True)
        raise


def recover_folder(folder: Path) -> None:
    """Put back what ``atomic_folder`` had moved aside when the process was killed between its two renames."""
    for old in folder.parent.glob(f".*{OLD}"):
        if not OWN.match(old.name) or _name_of_old(old) != folder.name:
            continue
        if folder.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            old.rename(folder)
