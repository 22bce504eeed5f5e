"""Evaluations on disk: none is computed twice."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from unet.config import Separation
from unet.datasets.samples import DatasetReport
from unet.digest import new_digest
from unet.evaluation.evaluate import Evaluation
from unet.files import read_json, write_json
from unet.models.metadata import read_info
from unet.models.weights import WEIGHTS_FILE
from unet.runs.pruning import mark_used
from unet.settings import Settings

# Raised whenever the same model and images would give other scores.
VERSION = 4
MAX_KEPT = 200


def evaluation_key(model: Path, report: DatasetReport, ids: Collection[str] | None, separation: Separation) -> str:
    """Return what an evaluation at all thresholds is known by: the content of all that it depends on.

    Of the Model folder its weights count and how images are brought to them; its name and own threshold do not.
    """
    content = new_digest()
    content.update((Path(model) / WEIGHTS_FILE).read_bytes())
    config = read_info(model).config.to_dict()
    images = [(each.id, each.group, each.stain, each.kind) for each in report.usable if ids is None or each.id in ids]
    content.update(json.dumps([VERSION, report.fingerprint, images, config, separation.to_dict()]).encode())
    return content.hexdigest()


def keep_evaluation(key: str, evaluation: Evaluation, settings: Settings) -> None:
    """Write an evaluation to disk; of more than two hundred the oldest go."""
    folder = _folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    write_json(folder / f"{key}.json", evaluation.to_dict())
    for path in sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime)[:-MAX_KEPT]:
        path.unlink(missing_ok=True)


def stored_evaluation(key: str, settings: Settings) -> Evaluation | None:
    """Return the evaluation of that key, or None if there is none that can be read."""
    path = _folder(settings) / f"{key}.json"
    try:
        found = Evaluation.from_dict(read_json(path))
        mark_used(path)
        return found
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _folder(settings: Settings) -> Path:
    return settings.cache / "evaluations"
