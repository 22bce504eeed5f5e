"""Where an improvement ends: the same images before and after, the score of both, and the way on or back."""

from __future__ import annotations

import numpy as np
import streamlit as st

from studio.common.open_models import model_digest, open_model
from studio.common.parameters import DATASET, MODEL
from studio.common.text import plain, told
from unet import render
from unet.datasets.finished import only_finished
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.datasets.store import Dataset, list_datasets
from unet.errors import UnetError
from unet.evaluation.change import Change, ImageChange, change_in, change_of
from unet.io.images import read_image
from unet.memmap import downscale_mean
from unet.models.registry import ModelEntry, find_model, run_key
from unet.prediction.separation import find_objects
from unet.preprocess.resize import resize_labels
from unet.runs.run import Run
from unet.runs.state import RunInfo
from unet.settings import Settings
from unet.training.learn import has_learned_from, was_kept_out

# So many images are shown; all that were kept out are scored.
SHOWN, LONGEST = 3, 640


def show_improvement(run: Run, info: RunInfo, settings: Settings) -> None:
    """Draw what changed on a run's images, if it is one that has improved a model."""
    start = has_learned_from(run)
    dataset = next((known for known in list_datasets(settings) if known.id == info.dataset["id"]), None)
    if not start or dataset is None or run.model_folder is None:
        return
    try:
        before, after = find_model(start, settings), find_model(run_key(run.name), settings)
        samples = [each for each in inspect_dataset(dataset, settings).usable if each.id in set(info.validation_ids)]
        rows = [
            _compared(
                dataset.fingerprint, sample.id, sample.finished, model_digest(before), model_digest(after),
                dataset, before, after,
            )
            for sample in samples
        ]  # fmt: skip
    except UnetError as error:
        st.caption(f"It could not be compared with the model before: {told(error)}")
        return
    if not rows:
        return
    with st.container(border=True, key="improvement"):
        kept_out = was_kept_out(info.train_ids, info.validation_ids)
        many = f"{len(rows)} image{'s' * (len(rows) > 1)}"
        where = (
            f"on {many} kept out of what it learned"
            if kept_out
            else f"on the {many} that it learned from, since no image was kept out: on others it may gain less"
        )
        st.markdown(f"**Before and after**, {where}")
        _show_figures(change_of([row[0] for row in rows], kept_out=kept_out))
        for sample, (_, pictures, changed) in list(zip(samples, rows, strict=True))[:SHOWN]:
            left, right = st.columns(2)
            left.image(pictures[0], caption=f"{plain(sample.id)}, before", alt=f"{sample.id} before")
            right.image(
                pictures[1],
                caption=f"after: {changed:,} nuclei changed, filled",
                alt=f"{sample.id} after; {changed} nuclei changed",
            )
        _ways_on(before, after, dataset)


def _show_figures(change: Change) -> None:
    precision = [scores.average_precision[0] for scores in (change.before, change.after)]
    with st.container(horizontal=True, gap="large"):
        if change.corrected:
            st.metric(
                "Corrected nuclei found",
                f"{change.found_after:,} of {change.corrected:,}",
                f"{change.found_after - change.found_before:+,}" if change.found_after != change.found_before else None,
                width="content",
                help="Of the nuclei that are not as the model before drew them, how many are found: with an overlap "
                "of more than half (IoU).",
            )
        st.metric(
            "AP at IoU .5",
            f"{precision[1]:.3f}",
            f"{precision[1] - precision[0]:+.3f}",
            width="content",
            help="Of all nuclei: those that are found, by these, those that are missed and those that are false.",
        )
        if change.is_independent:
            values = [scores.competition for scores in (change.before, change.after)]
            st.metric("Score", f"{values[1]:.3f}", f"{values[1] - values[0]:+.3f}", width="content")
    if not change.is_independent:
        left = change.nuclei - change.corrected
        st.caption(
            f"{left:,} of {change.nuclei:,} nuclei are as the model before drew them. A score that looks at outlines "
            "closely would favour it for that, so none is shown."
        )


def _ways_on(before: ModelEntry, after: ModelEntry, dataset: Dataset) -> None:
    # Predict opens on the images that were corrected.
    with st.container(horizontal=True):
        st.page_link(
            "pages/predict.py",
            label="**Use the improved model**",
            icon=":material/check_circle:",
            query_params={MODEL: after.key, DATASET: dataset.id},
        )
        st.page_link(
            "pages/predict.py",
            label=f"Stay with {plain(before.label)}",
            icon=":material/undo:",
            query_params={MODEL: before.key, DATASET: dataset.id},
        )


Compared = tuple[ImageChange, tuple[bytes, bytes], int]


@st.cache_data(max_entries=60, show_spinner="Predicting before and after …")
def _compared(
    fingerprint: str,
    sample: str,
    finished: tuple[tuple[int, int, int, int], ...],
    digest_before: str,
    digest_after: str,
    _dataset: Dataset,
    _before: ModelEntry,
    _after: ModelEntry,
) -> Compared:
    """Return what the image says of both models, a picture of both, and how many nuclei changed."""
    path = next(each.image for each in _dataset.samples() if each.id == sample)
    image, truth = read_image(path), only_finished(read_labels(_dataset, sample), finished)
    labels = [
        find_objects(open_model(entry).predict(image), entry.info.threshold, entry.info.separation)
        for entry in (_before, _after)
    ]
    change = change_in(truth, *(only_finished(each, finished) for each in labels))
    changed = _changed(*labels)
    small = downscale_mean(image, LONGEST)
    pictures = []
    for each, marked in zip(labels, (np.zeros(0, int), changed), strict=True):
        shown = resize_labels(each, small.shape[:2])
        picture = render.label_overlay(small, np.where(np.isin(shown, marked), shown, 0))
        pictures.append(render.jpeg(render.draw_outline(picture, shown)))
    return change, (pictures[0], pictures[1]), len(changed)


def _changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the numbers of the nuclei after that no nucleus before matches, at an overlap of four fifths."""
    areas_before, areas_after = np.bincount(before.ravel()), np.bincount(after.ravel())
    pairs, shared = np.unique(np.stack([before.ravel(), after.ravel()]), axis=1, return_counts=True)
    union = areas_before[pairs[0]] + areas_after[pairs[1]] - shared
    same = pairs[1][(pairs[0] > 0) & (pairs[1] > 0) & (shared > 0.8 * union)]
    return np.setdiff1d(np.flatnonzero(areas_after[1:] > 0) + 1, same)
