"""Choosing a model, and a second one to compare it with."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import streamlit as st

from studio.common.model_card import card_of, show_about, show_card
from studio.common.model_export import show_exports
from studio.common.model_upload import CLOSED, close_popover, show_uploader
from studio.common.open_models import model_digest
from studio.common.parameters import MODEL, OTHER_MODEL
from studio.common.text import plain, short, told, unique_names
from studio.common.url_state import choose_in_address, gone_from_address
from studio.common.visitor import visitor
from unet.errors import ModelError
from unet.models.registry import ModelEntry, find_model, list_models
from unet.settings import Settings

CHOICE = "model_choice"


def choose_models(settings: Settings, warn: Callable[[str], object] = st.warning) -> list[ModelEntry]:
    """Draw one button that opens the choice of a model, and of a second one to compare it with.

    Both stand in the address. A model that is gone is said to be, and another one is taken.

    Parameters
    ----------
    settings : Settings
    warn : callable
        Takes what is to be said of the choice.

    Returns
    -------
    list of ModelEntry
        The chosen one or two; none if there is no model at all.
    """
    entries = {entry.key: entry for entry in visitor(settings).listed(list_models(settings))}
    wanted = st.query_params.get(MODEL)
    problem = None
    if wanted and wanted not in entries:
        try:  # a run that is still training has a model that nobody is offered, but a link may name it
            entries[wanted] = find_model(wanted, settings)
        except ModelError:
            problem = f"The model “{plain(wanted[:100])}” is no longer here"
    if not entries:
        _no_model(settings)
        return []
    key = wanted if wanted in entries else next(iter(entries))
    # The address changes only when somebody chooses: otherwise Back would lead to the same page once more.
    st.session_state[CHOICE] = key
    # Under a new key it is a new popover, and a closed one: once a model has come or a dialog opens, it is in the way.
    closed = st.session_state.get(CLOSED, 0)
    linked = st.query_params.get(OTHER_MODEL)
    if linked and linked not in ("none", *entries):
        with suppress(ModelError):  # what a link names can be looked at, whoever it belongs to
            entries[linked] = find_model(linked, settings)
    others = {each: entry for each, entry in entries.items() if each != key}
    chosen = [entries[key], *filter(None, [others.get(linked or "")])]
    title = " and ".join(plain(short(entry.info.name, 32 // len(chosen))) for entry in chosen)
    with st.popover(title, icon=":material/network_node:", width="content", key=f"model_{closed}"):
        labels = dict(zip(entries, unique_names(entry.label for entry in entries.values()), strict=True))
        st.selectbox("Model", list(labels), format_func=labels.__getitem__, key=CHOICE, on_change=_chosen)
        if others:
            options = {"none": "No second model"} | {each: entry.label for each, entry in others.items()}
            choose_in_address("Compare with", options, OTHER_MODEL)
            if gone := gone_from_address(options, OTHER_MODEL, "second model"):
                warn(gone)
        show_about(entries[key])
        asked = _about_buttons(entries[key])
        st.divider()
        show_uploader(settings)
    _answer(asked, entries[key], settings)
    if problem:
        warn(f"{problem}; {plain(entries[key].label)} is used instead.")
    return chosen


def _chosen() -> None:
    st.query_params[MODEL] = st.session_state[CHOICE]
    close_popover()


def _no_model(settings: Settings) -> None:
    st.info(
        "There is no model yet. Train one, which takes a minute with the sample dataset, or upload a Model folder.",
        icon=":material/model_training:",
    )
    with st.container(horizontal=True):
        if settings.training:
            st.page_link("pages/train.py", label="Train a model", icon=":material/model_training:")
    show_uploader(settings)


def _about_buttons(entry: ModelEntry) -> str | None:
    """Draw what can be opened about a model; return which of it was asked for."""
    with st.container(horizontal=True):
        card = card_of(entry) and st.button(
            "Model card", icon=":material/description:", key="model_card", on_click=close_popover
        )
        export = st.button(
            "Export the model", icon=":material/file_export:", key="model_export", on_click=close_popover
        )
    return "card" if card else "export" if export else None


def _answer(asked: str | None, entry: ModelEntry, settings: Settings) -> None:
    """Open the dialog that was asked for."""
    if asked == "card" and (card := card_of(entry)):
        show_card(card)
    elif asked == "export":
        try:
            show_exports(entry, model_digest(entry), settings)
        except ModelError as error:
            st.error(told(error), icon=":material/error:")
