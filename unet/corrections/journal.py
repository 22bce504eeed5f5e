"""A list on disk to which lines are only ever added: JSON, the first line says what it is of.

What a crash has left of a last line is cut off by the next; whoever adds a line holds the lock, and has read the last.
"""

from __future__ import annotations

import functools
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from filelock import FileLock

from unet.corrections.operation import CorrectionError
from unet.provenance import timestamp

Entry = dict[str, Any]
State = TypeVar("State")
# From what stands after some lines, and one more, to what stands after that.
Fold = Callable[[State, Entry], State]


def read(path: Path, empty: State, fold: Fold[State]) -> State:
    """Return what stands after all lines; ``empty`` where there is no list.

    Raises
    ------
    CorrectionError
        If the list is damaged or cannot be read.
    """
    try:
        now = path.stat()
        return _parsed(path, now.st_size, now.st_mtime_ns, empty, fold)
    except FileNotFoundError:
        return empty
    except OSError as error:
        raise CorrectionError(f"What was corrected cannot be read: {error.strerror} ({path}).") from error


def append(
    path: Path, head: Entry, entry: Entry, empty: State, fold: Fold[State], check: Callable[[State], None]
) -> State:
    """Add a line, and return what stands then.

    Parameters
    ----------
    path : Path
    head : dict
        The first line, where there is none yet.
    entry : dict
    empty, fold
        As ``read`` takes them.
    check : callable
        Takes what stands before, and raises if the line may not be added to it.

    Raises
    ------
    CorrectionError
        If the list is damaged, or cannot be written, or the line does not fit to it.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(path.with_suffix(".lock")):
            now = read(path, empty, fold)
            check(now)
            after = fold(now, entry)
            with path.open("ab") as file:
                file.truncate(_whole_bytes(path))  # what a crash has left of a last line
                if not file.tell() or not _whole_bytes(path):
                    file.write(_line(head))
                file.write(_line({**entry, "at": timestamp()}))
                file.flush()
                os.fsync(file.fileno())
    except OSError as error:
        raise CorrectionError(f"The correction cannot be kept: {error.strerror} ({path}).") from error
    return after


def first_line(path: Path) -> Entry:
    """Return what the first line says."""
    head: Entry = json.loads(path.read_text(encoding="utf-8").partition("\n")[0])
    return head


def _line(data: Entry) -> bytes:
    return json.dumps(data, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"


def _whole_bytes(path: Path) -> int:
    """Return how many bytes of a file are whole lines."""
    return path.read_bytes().rfind(b"\n") + 1


# Lines are only added; but a person may have removed the file, and another one begun.
@functools.lru_cache(maxsize=128)
def _parsed(path: Path, size: int, modified: int, empty: Any, fold: Fold[Any]) -> Any:
    lines = path.read_bytes()[:size].split(b"\n")[:-1]
    state = empty
    for number, line in enumerate(lines[1:], start=2):
        try:
            state = fold(state, json.loads(line))
        except (ValueError, KeyError, TypeError, CorrectionError) as error:
            raise CorrectionError(
                f"Line {number} of {path} is damaged; mend or remove the file to correct this image again."
            ) from error
    return state
