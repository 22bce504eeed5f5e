"""Where a first training ends: its model beside the shipped one, on images that neither has learned from."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from studio.common.open_models import open_model
from studio.common.parameters import DATA, MODEL, OTHER_MODEL
from studio.common.progress import progress_bar
from studio.common.text import plain, told
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import Dataset, list_datasets
from unet.errors import UnetError
from unet.evaluation.cache import evaluation_key, keep_evaluation, stored_evaluation
from unet.evaluation.evaluate import THRESHOLDS, Evaluation, evaluate
from unet.evaluation.scores import Scores
from unet.models.registry import ModelEntry, find_model, run_key
from unet.runs.notes import title_of
from unet.runs.run import Run
from unet.runs.state import RunInfo
from unet.settings import DEFAULT_MODEL, Settings

SHIPPED = DEFAULT_MODEL.name


def show_comparison(run: Run, info: RunInfo, settings: Settings) -> None:
    """Draw how many nuclei the run's model and the shipped one find; of a sample training only, which is small."""
    dataset = next((known for known in list_datasets(settings) if known.id == info.dataset["id"]), None)
    if dataset is None or dataset.source != "sample" or run.model_folder is None:
        return
    try:
        entries = [find_model(run_key(run.name), settings), find_model(SHIPPED, settings)]
        found = [_evaluation(entry, dataset, info, settings) for entry in entries]
    except UnetError as error:
        st.caption(f"It could not be compared with the shipped model: {told(error)}")
        return
    own, shipped = (each.scores(entry.info.threshold) for entry, each in zip(entries, found, strict=True))
    with st.container(border=True, key="comparison"):
        st.markdown(
            f"**Compared with the shipped model**, on the {own.images} validation images with {own.nuclei:,} nuclei"
        )
        with st.container(horizontal=True, gap="large"):
            for name, scores in ((plain(title_of(run)), own), (f"{SHIPPED} (shipped)", shipped)):
                matched, wrong = _counts(scores)
                st.metric(name, matched, wrong, delta_color="off", delta_arrow="off", width="content")
        st.caption(
            "Nuclei found, at an overlap (IoU) of more than one half. This preset learns only a mask, so nuclei that "
            f"touch are separated by their shape, and some are merged. The shipped “{SHIPPED}” learned borders and "
            "distances as well, from 664 micrographs; on images of your own, it is the better start."
        )
        st.page_link(
            "pages/evaluate.py",
            label="See both, image by image",
            icon=":material/speed:",
            query_params={MODEL: run_key(run.name), OTHER_MODEL: SHIPPED, DATA: run_key(run.name)},
        )


def _counts(scores: Scores) -> tuple[str, str]:
    """Return what was found of all nuclei, and what went wrong, in words."""
    matched = round(scores.recall * scores.nuclei)
    return f"{matched:,} of {scores.nuclei:,}", f"{scores.nuclei - matched:,} missed · {scores.found - matched:,} wrong"


def _evaluation(entry: ModelEntry, dataset: Dataset, info: RunInfo, settings: Settings) -> Evaluation:
    """Return a model's evaluation on the run's validation side, the one that the Evaluate page finds too."""
    report = inspect_dataset(dataset, settings)
    ids = frozenset(info.validation_ids)
    key = evaluation_key(entry.folder, report, ids, entry.info.separation)
    found = stored_evaluation(key, settings)
    if found is None:
        predictor = open_model(entry)
        with progress_bar(f"Scoring {plain(entry.info.name)}", "images") as progress:
            found = evaluate(predictor, dataset, report, settings, progress=progress, ids=ids, thresholds=THRESHOLDS)
        with suppress(OSError):  # a full disk: it is computed again the next time
            keep_evaluation(key, found, settings)
    return found
