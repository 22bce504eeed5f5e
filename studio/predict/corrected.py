"""The nuclei of an image as they were corrected by hand."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from unet.corrections import history
from unet.corrections.history import Basis, Conflict, Corrections
from unet.corrections.operation import CorrectionError, Operation
from unet.corrections.operations import Nuclei, change_of, replay
from unet.prediction.maps import Prediction

# Steps that a browser hands over at once; it hands over those again that it has no answer to.
MOST_STEPS = 200


def basis_of(key: Key) -> Basis:
    """Return the nuclei that corrections are made on: those that the model found."""
    return Basis(key.image, key.page, key.model, key.preparation, *key.decided)


def corrections_of(key: Key, home: Path) -> Corrections:
    """Return what was corrected by hand; nothing where the list is damaged, which ``damage_of`` tells."""
    try:
        return history.read(basis_of(key), home)
    except CorrectionError:
        return Corrections()


def damage_of(key: Key, home: Path) -> str:
    """Return why the list of corrections cannot be read; empty where it can."""
    try:
        history.read(basis_of(key), home)
    except CorrectionError as error:
        return str(error)
    return ""


def corrected_nuclei(
    key: Key, home: Path, original: Callable[[], np.ndarray], prediction: Callable[[], Prediction]
) -> Nuclei:
    """Return the nuclei with all corrections, not to be changed.

    Parameters
    ----------
    key : Key
        Of the nuclei; whatever revision it has, the last one counts.
    home : Path
    original, prediction : callable
        Give the label map without corrections, and the maps, if they are needed.
    """
    operations = corrections_of(key, home).operations
    stage = _stage(key.but(corrections=0))
    known, nuclei = stage.get("now", ((), None))
    if nuclei is None or operations[: len(known)] != known:
        known, nuclei = (), Nuclei.of(original())
    if operations != known:
        nuclei = replay(nuclei, operations[len(known) :], prediction())
    nuclei.labels.flags.writeable = False
    stage["now"] = operations, nuclei
    return nuclei


# What was reached last, of the images that are being corrected: one more correction is one step from there.
@st.cache_resource(max_entries=6, show_spinner=False)
def _stage(key: Key) -> dict[str, Any]:
    return {}


def take_steps(
    key: Key, home: Path, sent: Any, original: Callable[[], np.ndarray], prediction: Callable[[], Prediction]
) -> dict[str, Any]:
    """Keep the steps that a browser hands over, those aside that are kept already.

    Returns
    -------
    dict
        What the browser is told: the names of steps that were ``refused``, and the ``error`` of the last of them.
    """
    refused: list[str] = []
    error = None
    basis = basis_of(key)
    mine = 0
    steps = sent["steps"][:MOST_STEPS] if isinstance(sent, dict) and isinstance(sent.get("steps"), list) else []
    for step in steps:
        name = str(step.get("id", ""))[:32]
        now = history.read(basis, home)
        if name in now.ids:
            mine += 1
            continue
        try:
            seen = int(sent["revision"]) + mine
            if seen != now.revision:
                raise Conflict
            _take(step, name, seen, key, home, original, prediction)
            mine += 1
        except CorrectionError as problem:
            refused.append(name)
            error = str(problem)
    return {"refused": refused, "error": error}


def _take(
    step: dict[str, Any],
    name: str,
    seen: int,
    key: Key,
    home: Path,
    original: Callable[[], np.ndarray],
    prediction: Callable[[], Prediction],
) -> None:
    basis = basis_of(key)
    if step.get("do") == "undo":
        history.undo(basis, home, seen, id=name)
    elif step.get("do") == "redo":
        history.redo(basis, home, seen, id=name)
    else:
        operation = Operation.from_dict(step.get("operation"))
        if operation.kind in ("carry", "replace"):
            raise CorrectionError("This is not a correction that can be drawn.")
        change_of(corrected_nuclei(key, home, original, prediction), operation, prediction())
        history.add(basis, home, operation, seen, name)
