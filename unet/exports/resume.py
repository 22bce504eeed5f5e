"""What of a batch is done already, so that one that was interrupted goes on where it was."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unet.digest import digest_of
from unet.exports.bundle import ImageParts
from unet.exports.tables import ImageSummary
from unet.exports.work import Done, Job, Named
from unet.files import read_json, write_json
from unet.models.folder import model_stamp

# Beside the results, until all of them are there.
FOLDER = ".unfinished"
FRAME = "frame"
# Raised whenever the same images and decisions would give other results.
VERSION = 1


class Finished:
    """Keeps what became of each image or stack while a batch goes on.

    Parameters
    ----------
    job : Job
    model_folder : Path, optional
        Without it nothing is kept: what was done with another model would be taken for this one's.
    """

    def __init__(self, job: Job, model_folder: Path | None):
        self._folder = job.output / FOLDER
        self._common = repr((VERSION, job, model_stamp(model_folder))) if model_folder else None

    def find(self, group: Sequence[Named]) -> list[Done] | None:
        """Return what became of a group, if it was done by the same model and decisions, and its file is the same."""
        if self._common is None:
            return None
        try:
            return [_decoded(each) for each in read_json(self._path(group))]
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def keep(self, group: Sequence[Named], done: Sequence[Done]) -> None:
        """Keep what became of a group; what is broken is tried again the next time."""
        if self._common is None or any(each.parts is None or each.row.error for each in done):
            return
        self._folder.mkdir(exist_ok=True)
        write_json(self._path(group), [_encoded(each) for each in done])

    def forget(self) -> None:
        """Remove what was kept: the batch is whole."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, group: Sequence[Named]) -> Path:
        stat = Path(group[0][0].address)
        seen = (stat.stat().st_mtime_ns, stat.stat().st_size) if stat.exists() else ()
        return self._folder / f"{digest_of(repr((self._common, group, seen)).encode())}.json"


def _encoded(done: Done) -> dict[str, Any]:
    assert done.parts  # others are not kept
    parts = {name: _plain(part) for name, part in done.parts.parts.items()}
    return {"row": dataclasses.asdict(done.row), "parts": parts, "about": done.parts.about}


def _plain(part: Any) -> Any:
    """Return a part as JSON holds it; of a table as words, since NaN is none in JSON, and the types of its columns."""
    if not hasattr(part, "columns"):
        return part
    columns = {str(name): [str(value) for value in part[name]] for name in part}
    return {FRAME: columns, "types": {str(name): str(part[name].dtype) for name in part}}


def _decoded(data: dict[str, Any]) -> Done:
    parts = {name: _part(part) for name, part in data["parts"].items()}
    return Done(ImageSummary(**data["row"]), ImageParts(parts, data["about"]))


def _part(part: Any) -> Any:
    if not (isinstance(part, dict) and FRAME in part):
        return part
    import pandas as pd

    kinds = part["types"]
    words = {name: pd.Series(values, dtype="str") for name, values in part[FRAME].items()}
    return pd.DataFrame(
        {name: each == "True" if kinds[name] == "bool" else each.astype(kinds[name]) for name, each in words.items()}
    )
