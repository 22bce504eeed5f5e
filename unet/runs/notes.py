"""What people call a run and note about it: the one file of a Run folder that they write, not the trainer."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from unet.files import read_json, write_json
from unet.runs.run import Run

FILE = "notes.json"
LONGEST_TITLE, LONGEST_NOTE = 80, 2000  # characters


@dataclass(frozen=True)
class Notes:
    """What is said of a run.

    Attributes
    ----------
    title : str
        One line, in place of the folder's name where people read it; empty: the folder's name.
    note : str
        Any number of lines.
    """

    title: str = ""
    note: str = ""


def read_notes(run: Run) -> Notes:
    """Return what is said of a run; a file that is missing or damaged says nothing."""
    try:
        data = read_json(run.folder / FILE)
        return _bounded(data["title"], data["note"])
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return Notes()


def write_notes(run: Run, title: str, note: str) -> Notes:
    """Keep a title and a note with a run, shortened where they are too long, and return them.

    Raises
    ------
    OSError
        If the run is gone or the disk is full.
    """
    notes = _bounded(title, note)
    write_json(run.folder / FILE, asdict(notes))
    return notes


def title_of(run: Run) -> str:
    """Return what people call a run."""
    return read_notes(run).title or run.name


def _bounded(title: Any, note: Any) -> Notes:
    if not isinstance(title, str) or not isinstance(note, str):
        raise ValueError("a title and a note are texts")
    line = " ".join("".join(letter if letter.isprintable() else " " for letter in title).split())
    text = note.encode("utf-8", "replace").decode()
    return Notes(line[:LONGEST_TITLE].strip(), text[:LONGEST_NOTE].strip())
