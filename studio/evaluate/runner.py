"""Evaluations for the page: computed once with progress, kept on disk, and read again at the next visit."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import streamlit as st

from studio.common.open_models import open_model
from studio.common.progress import progress_bar
from studio.common.text import plain
from studio.evaluate.image_picker import Labelled
from unet.evaluation.cache import evaluation_key, keep_evaluation, stored_evaluation
from unet.evaluation.evaluate import THRESHOLDS, Evaluation, evaluate
from unet.models.registry import ModelEntry
from unet.settings import Settings


def evaluations_of(entries: Sequence[ModelEntry], labelled: Labelled, settings: Settings) -> list[Evaluation]:
    """Return an evaluation a model; where one is missing, draw the button that computes it and return none.

    Raises
    ------
    UnetError
        If a model cannot be loaded, or the images cannot be scored on.
    """
    keys = [_key(entry, labelled) for entry in entries]
    stored = [_stored(key, entry, labelled, settings) for key, entry in zip(keys, entries, strict=True)]
    found = [evaluation for evaluation in stored if evaluation is not None]
    if len(found) == len(entries):
        return found
    place = st.empty()
    missing = [entry for entry, evaluation in zip(entries, stored, strict=True) if evaluation is None]
    names = " and ".join(plain(entry.info.name) for entry in missing)
    with place.container(border=True, horizontal_alignment="center"):
        st.markdown(f"**{labelled.count:,} images** will be predicted and scored by {names}, at all thresholds.")
        started = st.button("Evaluate", icon=":material/speed:", type="primary", key="evaluate")
    if not started:
        return []
    found = []
    for entry, key, evaluation in zip(entries, keys, stored, strict=True):
        if evaluation is None:
            with place.container(border=True):
                evaluation = _compute(entry, key, labelled, settings)
        found.append(evaluation)
    place.empty()
    return found


def _compute(entry: ModelEntry, key: str, labelled: Labelled, settings: Settings) -> Evaluation:
    # A click runs the page anew, and that ends the loop at its next word of progress.
    st.button("Cancel", icon=":material/close:", key=f"cancel_{key}")
    with st.spinner("Loading the model …"):
        predictor = open_model(entry)
    with progress_bar(f"Scoring {plain(entry.info.name)}", "images") as progress:
        found = evaluate(
            predictor,
            labelled.dataset,
            labelled.report,
            settings,
            progress=progress,
            ids=labelled.ids,
            thresholds=THRESHOLDS,
        )
    _hold(key, found)  # before it is written: what was computed is not lost where that fails
    try:
        keep_evaluation(key, found, settings)
    except (OSError, ValueError) as error:
        st.toast(
            f"The scores could not be written to the disk ({plain(str(error))}); they are kept until the app stops.",
            icon=":material/warning:",
            duration="infinite",
        )
    return found


def _key(entry: ModelEntry, labelled: Labelled) -> str:
    return evaluation_key(entry.folder, labelled.report, labelled.ids, entry.info.separation)


def _stored(key: str, entry: ModelEntry, labelled: Labelled, settings: Settings) -> Evaluation | None:
    """Return what is known, under the names and with the threshold that model and dataset have now."""
    held = _held()
    if key not in held:
        found = stored_evaluation(key, settings)
        if found is None:
            return None
        _hold(key, found)
    return dataclasses.replace(
        held[key], model=entry.info.name, dataset=labelled.dataset.name, threshold=entry.info.threshold
    )


def _hold(key: str, evaluation: Evaluation) -> None:
    held = _held()
    held[key] = evaluation
    while len(held) > 16:
        held.pop(next(iter(held)))


@st.cache_resource(show_spinner=False)
def _held() -> dict[str, Evaluation]:
    """Evaluations of all sessions: some hundred kilobytes each."""
    return {}
