"""The corrections of one image, on disk: a list to which lines are only ever added.

One file for each image, page, model, adjustments of the image, threshold and separation: corrections belong to the
nuclei that they were made on. The first line says which these are; each further one is a correction, or that some were
undone or redone. Two programs at once do not overwrite each other: whoever writes says which revision it has seen.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unet.config import Separation
from unet.corrections import journal
from unet.corrections.operation import CARRIED, CLEARED, IMPORTED, RESHAPED, WORDS, CorrectionError, Operation
from unet.digest import digest_of
from unet.preprocess.adjust import ImageAdjustments


class Conflict(CorrectionError):
    """Somebody else has corrected the image meanwhile."""

    def __init__(self) -> None:
        super().__init__(
            "This image was corrected in another tab meanwhile. You now see the nuclei as they are there; "
            "your last step was not taken over: do it again if it is still needed."
        )


@dataclass(frozen=True)
class Basis:
    """The nuclei that corrections are made on.

    Attributes
    ----------
    image, model : str
        Digests of the image file's and the Model folder's content; no model where an image is annotated from nothing.
    page : int
        From 0.
    preparation : ImageAdjustments
    threshold : float
    separation : Separation
    """

    image: str
    page: int
    model: str
    preparation: ImageAdjustments
    threshold: float
    separation: Separation

    def to_dict(self) -> dict[str, Any]:
        return {
            "image": self.image,
            "page": self.page,
            "model": self.model,
            "preparation": self.preparation.to_dict(),
            "threshold": self.threshold,
            "separation": self.separation.to_dict(),
        }

    def folder(self, home: Path) -> Path:
        """Return where the lists of all thresholds and separations lie."""
        same = (self.image, self.page, self.model, self.preparation.to_dict())
        return home / "corrections" / _digest(same)

    def path(self, home: Path) -> Path:
        """Return where its list lies, below the folder for everything."""
        return self.folder(home) / f"{_digest((self.threshold, self.separation.to_dict()))}.jsonl"


def _digest(value: Any) -> str:
    return digest_of(json.dumps(value, sort_keys=True).encode())


@dataclass(frozen=True)
class Corrections:
    """A list of corrections as it stands.

    Attributes
    ----------
    revision : int
        How many lines were added; 0 where there is no list.
    operations : tuple of Operation
        Those that count, the first one first.
    undone : tuple of Operation
        Those that can be redone, the next one last.
    ids : tuple of str
        Names of the steps, by which whoever sent them knows that they are kept.
    identity : int
        The same for the same steps, and for no others: a list may be removed, and another one grow as long. 0 where
        there is no list.
    """

    revision: int = 0
    operations: tuple[Operation, ...] = ()
    undone: tuple[Operation, ...] = ()
    ids: tuple[str, ...] = ()
    identity: int = 0

    def after(self, entry: dict[str, Any]) -> Corrections:
        """Return what stands after one more line."""
        done, undone = list(self.operations), list(self.undone)
        if entry["do"] == "apply":
            done, undone = [*done, Operation.from_dict(entry["operation"])], []
        elif entry["do"] in ("undo", "redo"):
            source, target = (done, undone) if entry["do"] == "undo" else (undone, done)
            for _ in range(min(int(entry["count"]), len(source))):
                target.append(source.pop())
        else:
            raise CorrectionError(f"“{entry['do']}” is not a step in a list of corrections.")
        ids = (*self.ids, str(entry.get("id", "")))
        step = {name: value for name, value in entry.items() if name != "at"}  # which is added as it is written
        identity = int(_digest((self.identity, step))[:15], 16)
        return Corrections(self.revision + 1, tuple(done), tuple(undone), ids, identity)


def read(basis: Basis, home: Path) -> Corrections:
    """Return the corrections of some nuclei; none where there is no list.

    Raises
    ------
    CorrectionError
        If the list is damaged.
    """
    return _read(basis.path(home))


def _read(path: Path) -> Corrections:
    return journal.read(path, Corrections(), Corrections.after)


def add(basis: Basis, home: Path, operation: Operation, seen: int, id: str = "") -> Corrections:
    """Add a correction, and return all.

    Parameters
    ----------
    basis : Basis
    home : Path
        The folder under which everything is kept.
    operation : Operation
    seen : int
        The revision that it was made on.
    id : str
        A name for this step.

    Raises
    ------
    Conflict
        If that is no longer the last one.
    CorrectionError
        If the list is damaged, or cannot be written.
    """
    return _append(basis, home, {"do": "apply", "operation": operation.to_dict(), "id": id}, seen)


def undo(basis: Basis, home: Path, seen: int, count: int = 1, id: str = "") -> Corrections:
    """Undo the last corrections; see ``add``."""
    return _append(basis, home, {"do": "undo", "count": count, "id": id}, seen)


def redo(basis: Basis, home: Path, seen: int, count: int = 1, id: str = "") -> Corrections:
    """Redo what was undone last; see ``add``."""
    return _append(basis, home, {"do": "redo", "count": count, "id": id}, seen)


def others(basis: Basis, home: Path) -> list[tuple[Basis, Corrections]]:
    """Return the corrections of the same image made at other thresholds or separations, the newest first.

    Damaged lists are passed over.
    """
    found = []
    for path in basis.folder(home).glob("*.jsonl"):
        try:
            corrections = _read(path)
        except CorrectionError:
            continue
        if path != basis.path(home) and corrections.operations:
            head = journal.first_line(path)
            separation = Separation.from_dict(head["separation"])
            other = Basis(basis.image, basis.page, basis.model, basis.preparation, head["threshold"], separation)
            found.append((path.stat().st_mtime_ns, other, corrections))
    return [(other, corrections) for _, other, corrections in sorted(found, key=lambda each: -each[0])]


def counts(operations: Sequence[Operation]) -> Counter[str]:
    """Return how many corrections there are by what they do: nuclei for deletions, else operations."""
    found: Counter[str] = Counter()
    for operation in operations:
        if operation.kind == "replace" and not operation.pieces:
            found[CLEARED] += 1
        elif operation.kind in ("carry", "replace"):
            found[CARRIED if operation.kind == "carry" else IMPORTED] += max(1, len(operation.pieces))
        else:
            several = len(operation.numbers) if operation.kind == "delete" else 1
            found[WORDS.get(operation.kind, RESHAPED)] += several
    return found


def sentence(operations: Sequence[Operation]) -> str:
    """Return such as “12 corrections: 3 added, 5 deleted, 2 split, 2 merged”."""
    found = counts(operations)
    total = sum(found.values())
    if not total:
        return "No corrections"
    order = [*dict.fromkeys(WORDS.values()), RESHAPED, CARRIED, IMPORTED, CLEARED]
    parts = ", ".join(f"{found[word]:,} {word}" for word in order if found[word])
    return f"{total:,} correction{'s' if total > 1 else ''}: {parts}"


# ---- the file --------------------------------------------------------------------------------------------------


def _append(basis: Basis, home: Path, entry: dict[str, Any], seen: int) -> Corrections:
    def check(now: Corrections) -> None:
        if now.revision != seen:
            raise Conflict

    return journal.append(basis.path(home), basis.to_dict(), entry, Corrections(), Corrections.after, check)
