"""The threshold lab: scores, curves, the images from worst to best, and what became of each nucleus."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from studio.common.parameters import MODEL
from studio.common.text import plain, told
from studio.common.visitor import visitor
from studio.evaluate import charts as score_charts
from studio.evaluate.image_outcome import show_image
from studio.evaluate.image_picker import Labelled
from studio.evaluate.report import as_html, as_json
from studio.evaluate.score_table import MEANING, score_table, shown, value_of
from studio.evaluate.unseen import show_unseen
from unet.errors import UnetError
from unet.evaluation.evaluate import Evaluation
from unet.evaluation.scores import Scores
from unet.models.folder import copy_with_threshold, store_threshold
from unet.models.registry import ModelEntry, uploaded_key
from unet.settings import SHIPPED_MODELS, Settings
from unet.spreadsheets import csv_of_frame

CHANGED = "lab_changed"


def show_lab(
    entries: Sequence[ModelEntry], evaluations: Sequence[Evaluation], labelled: Labelled, settings: Settings
) -> None:
    """Draw all that is known of one model, or of two on the same images."""
    _lab(entries, evaluations, labelled, settings)


@st.fragment
def _lab(
    entries: Sequence[ModelEntry], evaluations: Sequence[Evaluation], labelled: Labelled, settings: Settings
) -> None:
    if st.session_state.pop(CHANGED, False):
        st.rerun()  # of the whole page: all of it shows the model's own threshold
    first = evaluations[0]
    left, right = st.columns([2, 3], gap="large", vertical_alignment="center")
    with left:
        threshold = _choose_threshold(entries[0], first, settings)
    with right:
        _headline(first.scores(threshold))
        show_unseen(first, threshold, labelled.learned_kinds)
    theme = st.context.theme.type
    names = [plain(entry.info.name) for entry in entries]
    curves, overlaps = st.columns(2, gap="large")
    with curves:
        score = "competition"
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown("**Over the probability threshold**", width="content")
            if len(names) > 1:
                titles = {key: title for key, (title, _, _) in score_charts.LINES.items()}
                score = st.selectbox(
                    "Score that is drawn", list(titles), format_func=titles.__getitem__, key="drawn_score", width=220,
                    label_visibility="collapsed",
                )  # fmt: skip
        st.plotly_chart(
            score_charts.threshold_curve(evaluations, names, threshold, theme, score),
            config=score_charts.CONFIG,
            key="curve",
        )
        st.caption(
            f"All from one prediction per image. The star marks the best competition score, at "
            f"{first.best_threshold():.2f}."
        )
    with overlaps:
        st.markdown("**Average precision over the IoU required for a match**")
        st.plotly_chart(
            score_charts.overlap_curve(evaluations, names, threshold, theme, labelled.dataset.fingerprint),
            config=score_charts.CONFIG,
            key="overlap",
        )
        if labelled.dataset.fingerprint == score_charts.STAGE1:
            st.caption(score_charts.REFERENCE_WORDS)
    st.markdown("**Scores**")
    table = score_table(evaluations, names, threshold)
    st.dataframe(table, hide_index=True, column_config=_columns(table), key="scores")
    _images(entries, evaluations, names, threshold, labelled, settings)
    _exports(evaluations, names, threshold, labelled)


def _choose_threshold(entry: ModelEntry, evaluation: Evaluation, settings: Settings) -> float:
    own = min(evaluation.thresholds, key=lambda each: abs(each - entry.info.threshold))
    options = list(evaluation.thresholds)
    key = f"lab_threshold_{entry.key}"
    if st.session_state.get(key) not in options:
        st.session_state[key] = own
    chosen = st.select_slider(
        "Probability threshold",
        options,
        format_func=lambda value: f"{value:.2f}",
        help="All scores below are updated at once.",
        key=key,
    )
    _offer_thresholds(entry, evaluation.best_threshold(), chosen, settings)
    return chosen


def _offer_thresholds(entry: ModelEntry, best: float, chosen: float, settings: Settings) -> None:
    """Draw what the model's own threshold can be changed to: the best, the one that is chosen, the one before."""
    own, before = entry.info.threshold, st.session_state.get(_before(entry.key))
    st.caption(f"The model's own is {own:.2f}; the best here is {best:.2f}.")
    offers = {f"{best:.2f}": ("Use {}, the best", best), f"{chosen:.2f}": ("Use {}", chosen)}
    if best == chosen:
        offers = {f"{best:.2f}": ("Use {}, the best", best)}
    offers.pop(f"{own:.2f}", None)
    shipped = entry.folder.is_relative_to(SHIPPED_MODELS)
    if not shipped and not visitor(settings).may_change(entry.folder):
        st.caption("The model was made in another browser: only its owner may change it.")
        return
    with st.container(horizontal=True):
        for place, (text, (words, threshold)) in enumerate(offers.items()):
            st.button(
                words.format(text) + (" in a copy" if shipped else ""),
                icon=":material/content_copy:" if shipped else ":material/save:",
                key=f"use_threshold_{place}",
                on_click=_store,
                args=(entry, threshold, settings),
                help="The shipped model is shared and stays as it is; the copy is yours."
                if shipped
                else "Saved in the Model folder: Predict and the command line start with it.",
            )
        if before and before[1] != own:
            st.button(
                f"Back to {before[1]:.2f}",
                icon=":material/undo:",
                key="undo_threshold",
                on_click=_undo,
                args=(entry, *before, settings),
            )


def _before(key: str) -> str:
    return f"threshold_before_{key}"


def _store(entry: ModelEntry, threshold: float, settings: Settings) -> None:
    """Make a threshold the model's own, or that of a copy, and remember what it was."""
    key = entry.key
    try:
        if entry.folder.is_relative_to(SHIPPED_MODELS):
            known = set(settings.models.glob("*"))
            copy = copy_with_threshold(entry.folder, settings, threshold)
            visitor(settings).claim_new(copy, known)
            key = uploaded_key(copy)
            st.query_params[MODEL] = key
            st.toast("The copy is chosen.", icon=":material/check_circle:")
        else:
            visitor(settings).require(entry.folder)
            store_threshold(entry.folder, threshold)
            st.toast(f"{threshold:.2f} is the model's own threshold now.", icon=":material/check_circle:")
    except UnetError as error:
        st.toast(told(error), icon=":material/error:")
        return
    st.session_state[_before(key)] = (entry.key, entry.info.threshold)
    st.session_state[f"lab_threshold_{key}"] = threshold
    st.session_state[CHANGED] = True


def _undo(entry: ModelEntry, key: str, threshold: float, settings: Settings) -> None:
    if key == entry.key:
        _store(entry, threshold, settings)
        st.session_state.pop(_before(key), None)
    else:  # from a copy to what it was made from
        st.query_params[MODEL] = key
        st.session_state[CHANGED] = True


def _headline(scores: Scores) -> None:
    with st.container(horizontal=True, gap="medium"):
        for name in ("competition", "ap_50", "dice", "count_error"):
            title, meaning = MEANING[name]
            st.metric(title, shown(name, value_of(scores, name)), help=meaning, width="content")
        st.metric(
            "Nuclei found", f"{scores.found:,}", help=f"In the masks there are {scores.nuclei:,}.", width="content"
        )


def _columns(table: pd.DataFrame) -> dict:
    return {"What it means": st.column_config.TextColumn(width="large")} | {
        name: st.column_config.TextColumn(alignment="right") for name in table.columns[1:-1]
    }


def _images(
    entries: Sequence[ModelEntry],
    evaluations: Sequence[Evaluation],
    names: list[str],
    threshold: float,
    labelled: Labelled,
    settings: Settings,
) -> None:
    frame = evaluations[0].to_frame(threshold)
    if len(evaluations) > 1:
        other = evaluations[1].to_frame(evaluations[1].threshold).set_index("id")["competition"]
        frame.insert(1, "difference", frame["competition"] - frame["id"].map(other))
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown("**Images, the worst first**", width="content")
        stains = evaluations[0].stains()
        chosen = None
        if len(stains) > 1:
            chosen = st.pills("Stain", stains, format_func=plain, key="stain", label_visibility="collapsed")
    if chosen:
        frame = frame[frame["stain"] == chosen].reset_index(drop=True)
    several = len(entries) > 1
    table, *pictures = [st.container(), *st.columns(2, gap="large")] if several else st.columns([3, 2], gap="large")
    with table:
        event = st.dataframe(
            frame[[name for name in TABLE if name in frame and frame[name].notna().any()]],
            hide_index=True,
            height=240 if several else 430,
            column_config=_image_columns(names),
            key=f"images_{chosen}",
            on_select="rerun",
            selection_mode="single-row",
        )
        st.caption("Choose a row to see the image.")
    rows = event.selection.rows if event else []
    row = frame.iloc[rows[0] if rows and rows[0] < len(frame) else 0]
    for place, (picture, entry, evaluation) in enumerate(zip(pictures, entries, evaluations, strict=True)):
        at, title = evaluation.threshold if place else threshold, names[place] if several else ""
        with picture:
            show_image(entry, labelled, row["id"], at, evaluation.separation, settings, title)


TABLE = ("id", "difference", "stain", "nuclei", "found", "competition", "average_precision", "dice", "count_error")


def _image_columns(names: Sequence[str]) -> dict:
    number = st.column_config.NumberColumn
    return {
        "id": st.column_config.TextColumn("Image", width="small"),
        "difference": number("Difference", format="%+.3f", help=f"Competition score of {names[0]} minus the other's."),
        "stain": "Stain",
        "nuclei": number("Nuclei", help="In the masks"),
        "found": number("Found"),
        "competition": number("Score", format="%.3f", help=MEANING["competition"][1]),
        "average_precision": number("AP .5", format="%.3f", help="Nuclei found / (found + missed + false)"),
        "dice": number("Dice", format="%.3f"),
        "count_error": number("Count error", format="percent"),
    }


def _exports(evaluations: Sequence[Evaluation], names: list[str], threshold: float, labelled: Labelled) -> None:
    title = f"{names[0]} on {labelled.words}"
    files = (
        (
            "Table",
            "One row per image",
            "scores.csv",
            "text/csv",
            lambda: csv_of_frame(evaluations[0].to_frame(threshold)),
        ),
        (
            "Everything",
            "All scores, counts and thresholds",
            "scores.json",
            "application/json",
            lambda: as_json(evaluations),
        ),
        (
            "Report",
            "Scores, curves and table as one file that any browser opens",
            "scores.html",
            "text/html",
            lambda: as_html(title, evaluations, names, threshold, labelled.dataset.fingerprint),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for label, words, file_name, mime, make in files:
            kind = file_name.rpartition(".")[2].upper()
            st.download_button(
                f"{label} ({kind})",
                make,
                file_name,
                mime,
                key=f"download_{file_name}",
                help=words,
                icon=":material/download:",
                on_click="ignore",
            )
