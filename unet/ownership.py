"""Who owns a run, a dataset or a model: the browsers that made it, named by digests in its folder.

What has no owner was made on the command line, or before there were owners: everybody may look at it, and only who sits
at the machine, or its administrator, may change it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Protocol, TypeVar

from unet.errors import UnetError
from unet.files import atomic_path

OWNERS = "owners"  # the file of digests, one a line
MOST = 100_000  # bytes that are read of it


class NotYours(UnetError):
    """Something belongs to somebody else."""


class InFolder(Protocol):
    """A run, a dataset or a model: whatever lies in a folder of its own."""

    @property
    def folder(self) -> Path: ...


Thing = TypeVar("Thing", bound=InFolder)


@dataclass(frozen=True)
class Visitor:
    """Somebody at a browser.

    Attributes
    ----------
    digest : str
        Of the browser's secret token; what the visitor makes is marked with it, and the token itself is stored nowhere.
    rules : bool
        Whether all of it is theirs: they sit at the machine itself, or are its administrator.
    """

    digest: str
    rules: bool = False

    @classmethod
    def of(cls, token: str, rules: bool = False) -> Visitor:
        """Return the visitor whose browser has that token."""
        return cls(blake2b(token.encode(), digest_size=16, person=b"unet owner").hexdigest(), rules)

    def may_change(self, folder: Path) -> bool:
        """Tell whether they may stop, delete or change what lies in a folder."""
        return self.rules or self.digest in owners_of(folder)

    def may_list(self, folder: Path) -> bool:
        """Tell whether it is listed for them; what is not can still be opened by its link."""
        owners = owners_of(folder)
        return self.rules or not owners or self.digest in owners

    def listed(self, things: Iterable[Thing]) -> list[Thing]:
        """Return those of some runs, datasets or models that are listed for them."""
        return [thing for thing in things if self.may_list(thing.folder)]

    def require(self, folder: Path) -> None:
        """Make sure that they may change what lies in a folder.

        Raises
        ------
        NotYours
            If they may not.
        """
        if not self.may_change(folder):
            raise NotYours("This was made in another browser: you may look at it, and only its owner may change it.")

    def claim(self, folder: Path) -> None:
        """Make something new theirs, too."""
        if self.digest not in owners_of(folder):
            with (_home(folder) / OWNERS).open("a", encoding="ascii") as file:
                file.write(f"{self.digest}\n")

    def claim_new(self, folder: Path, known: Collection[Path]) -> None:
        """Make something theirs unless it was known before and belonged to everybody: the same content again."""
        if folder not in known or owners_of(folder):
            self.claim(folder)

    def let_go(self, folder: Path) -> bool:
        """Remove them from the owners, and tell whether nobody else is left and it may be deleted.

        Raises
        ------
        NotYours
            If it was not theirs.
        """
        self.require(folder)
        others = owners_of(folder) - {self.digest}
        if self.rules or not others:
            return True
        with atomic_path(_home(folder) / OWNERS) as temporary:
            temporary.write_text("".join(f"{other}\n" for other in sorted(others)), encoding="ascii")
        return False


def owners_of(folder: Path) -> frozenset[str]:
    """Return the digests of those whom something belongs to; none if it belongs to the machine."""
    with contextlib.suppress(OSError), (_home(folder) / OWNERS).open("rb") as file:
        return frozenset(file.read(MOST).decode("ascii", "replace").split())
    return frozenset()


def _home(folder: Path) -> Path:
    """A run's model belongs to whom the run belongs to."""
    return folder.parent if folder.name == "model" and (folder.parent / "run.json").is_file() else folder
