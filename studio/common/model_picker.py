"""Choosing a model, and holding those that are in use."""

from __future__ import annotations

import hashlib
import re
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import streamlit as st

from studio.common.model_card import card_of, show_card
from studio.common.model_export import show_exports
from studio.common.text import own_file_name, plain, short, size_of, told, unique_names
from studio.common.url_state import choose_in_address, gone_from_address
from studio.common.visitor import visitor
from unet.errors import ModelError
from unet.files import own_prefix
from unet.models.folder import model_stamp
from unet.models.metadata import INFO_FILE, ModelInfo
from unet.models.network import count_parameters
from unet.models.registry import ModelEntry, find_model, list_models, store_model_zip
from unet.models.weights import WEIGHTS_FILE
from unet.prediction.predictor import Predictor
from unet.settings import Settings

PARAMETER, OTHER = "model", "other"
CHOICE = "model_choice"
CLOSED = "model_closed"  # counts how often its popover was closed from here
HELD = 3  # models in memory, some tens of MB each
SCORES = {"competition": "Score", "dice": "Dice", "iou": "IoU", "accuracy": "Accuracy"}
ORIGIN = {
    "created": "Made",
    "run": "Run",
    "dataset": "Dataset",
    "samples": "Samples",
    "epochs": "Epochs",
    "best_epoch": "Best epoch",
    "seed": "Seed",
    "command": "Command",
}


# ---- holding ---------------------------------------------------------------------------------------------------


def model_digest(entry: ModelEntry) -> str:
    """Return a digest of a model's content: equal for equal models, wherever they lie.

    Raises
    ------
    ModelError
        If a file is missing.
    """
    return _digest(str(entry.folder), model_stamp(entry.folder))


@st.cache_data(max_entries=64, show_spinner=False)
def _digest(folder: str, stamp: str) -> str:
    return _digest_now(folder)


def _digest_now(folder: str) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name in (INFO_FILE, WEIGHTS_FILE):
        digest.update((Path(folder) / name).read_bytes())
    return digest.hexdigest()


def open_model(entry: ModelEntry, digest: str | None = None) -> Predictor:
    """Return a model ready to predict; it is loaded once for all sessions.

    Parameters
    ----------
    entry : ModelEntry
    digest : str, optional
        Of the content that is wanted. A run that trains replaces its model; what the new one finds must not be kept
        under the name of the old one.

    Raises
    ------
    ModelError
        If it is damaged or not to be trusted, or its folder holds another content by now.
    """
    return _open(str(entry.folder), digest or model_digest(entry))


@st.cache_resource(max_entries=HELD, show_spinner=False)
def _open(folder: str, digest: str) -> Predictor:
    predictor = Predictor.open(folder)
    if _digest_now(folder) != digest:
        raise ModelError("The model was replaced by another one while it was in use; load the page again.")
    return predictor


# ---- choosing --------------------------------------------------------------------------------------------------


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
    wanted = st.query_params.get(PARAMETER)
    problem = None
    if wanted and wanted not in entries:
        try:  # a run that is still training has a model that nobody is offered, but a link may name it
            entries[wanted] = find_model(wanted, settings)
        except ModelError:
            problem = f"The model “{plain(wanted[:100])}” is not here any more"
    if not entries:
        _no_model(settings)
        return []
    key = wanted if wanted in entries else next(iter(entries))
    # The address changes only when somebody chooses: otherwise Back would lead to the same page once more.
    st.session_state[CHOICE] = key
    # Under a new key it is a new popover, and a closed one: once a model has come or a dialog opens, it is in the way.
    closed = st.session_state.get(CLOSED, 0)
    linked = st.query_params.get(OTHER)
    if linked and linked not in ("none", *entries):
        with suppress(ModelError):  # what a link names can be looked at, whoever it belongs to
            entries[linked] = find_model(linked, settings)
    others = {each: entry for each, entry in entries.items() if each != key}
    chosen = [entries[key], *filter(None, [others.get(linked)])]
    title = " and ".join(plain(short(entry.info.name, 32 // len(chosen))) for entry in chosen)
    with st.popover(title, icon=":material/network_node:", width="content", key=f"model_{closed}"):
        labels = dict(zip(entries, unique_names(entry.label for entry in entries.values()), strict=True))
        st.selectbox("Model", list(labels), format_func=labels.get, key=CHOICE, on_change=_chosen)
        if others:
            options = {"none": "No second model"} | {each: entry.label for each, entry in others.items()}
            choose_in_address("Compare with", options, OTHER)
            if gone := gone_from_address(options, OTHER, "second model"):
                warn(gone)
        _about(entries[key])
        asked = _about_buttons(entries[key])
        st.divider()
        _uploader(settings)
    _answer(asked, entries[key], settings)
    if problem:
        warn(f"{problem}; {plain(entries[key].label)} is used instead.")
    return chosen


def _chosen() -> None:
    st.query_params[PARAMETER] = st.session_state[CHOICE]
    _close()


def _no_model(settings: Settings) -> None:
    st.info(
        "There is no model yet. Train one, which takes a minute with the sample dataset, or upload a Model folder.",
        icon=":material/model_training:",
    )
    with st.container(horizontal=True):
        if settings.training:
            st.page_link("pages/train.py", label="Train a model", icon=":material/model_training:")
    _uploader(settings)


def _about_buttons(entry: ModelEntry) -> str | None:
    """Draw what can be opened about a model; return which of it was asked for."""
    with st.container(horizontal=True):
        card = card_of(entry) and st.button(
            "Model card", icon=":material/description:", key="model_card", on_click=_close
        )
        export = st.button("Export the model", icon=":material/file_export:", key="model_export", on_click=_close)
    return "card" if card else "export" if export else None


def _answer(asked: str | None, entry: ModelEntry, settings: Settings) -> None:
    """Open the dialog that was asked for."""
    if asked == "card":
        show_card(card_of(entry))
    elif asked == "export":
        try:
            show_exports(entry, model_digest(entry), settings)
        except ModelError as error:
            st.error(told(error), icon=":material/error:")


def _close() -> None:
    st.session_state[CLOSED] = st.session_state.get(CLOSED, 0) + 1


def _about(entry: ModelEntry) -> None:
    """What the model says of itself. An uploaded one may say anything, so none of it is taken for Markdown."""
    info = entry.info
    st.markdown(f"**{plain(info.name)}**")
    scores = {label: info.scores[name] for name, label in SCORES.items() if name in info.scores}
    if scores:
        with st.container(horizontal=True, gap="medium"):
            for label, score in scores.items():
                st.metric(label, f"{score:.3f}", width="content")
        st.caption(_measured_on(info))
    else:
        st.caption("No scores recorded.")
    height, width = info.config.input_size
    size = "any size" if info.config.is_native else f"{size_of(width, height)} pixels"
    facts = {
        "Threshold": f"{info.threshold:.2f}",
        "Network": f"{count_parameters(info.config):,} parameters, {len(info.config.filters)} levels",
        "Input": f"{size}, {'grey' if info.config.channels == 1 else 'colour'}",
    }
    if not info.config.has_heads and info.config.classes == 1:
        facts["Tells"] = "a mask alone: touching nuclei are separated by their shape, and some are merged"
    if info.config.has_heads:
        facts["Tells"] = "mask, border and distance: touching nuclei apart"
    if info.config.classes > 1:
        facts["Classes"] = str(info.config.classes)
    facts |= {label: _fact(info.provenance[name]) for name, label in ORIGIN.items() if info.provenance.get(name)}
    st.markdown("  \n".join(f":gray[{label}:] {plain(fact)}" for label, fact in facts.items()))


def _measured_on(info: ModelInfo) -> str:
    """Say on which images the scores were measured, since on others they would be others."""
    data = info.provenance.get("dataset")
    of = f" of “{plain(_fact(data))}”" if data else ""
    if earlier := info.provenance.get("scores_of"):
        where = f"Measured as {plain(str(earlier))} on its validation images{of}, before it learned from these as well."
    else:
        where = f"Measured on the validation images{of}."
    return f"{where} Scores on different images cannot be compared; Evaluate scores two models on the same ones."


def _fact(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("name", ", ".join(f"{name} {each}" for name, each in value.items()))
    text = str(value)
    # An ISO time, without what nobody reads.
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*", text):
        return text[:16].replace("T", " ")
    return text if len(text) <= 200 else f"{text[:200]} …"


# ---- uploading -------------------------------------------------------------------------------------------------


def _uploader(settings: Settings) -> None:
    key = f"model_upload_{st.session_state.get('model_uploads', 0)}"
    st.file_uploader(
        "A Model folder as a zip",
        type="zip",
        max_upload_size=settings.max_upload_mb,
        key=key,
        on_change=_store,
        args=(key, settings),
        help=f"`{INFO_FILE}` and `{WEIGHTS_FILE}`, and nothing else: such as the folder `model` of a run.",
    )
    if refused := st.session_state.get("model_refused"):
        st.error(plain(refused), icon=":material/error:")


def _store(key: str, settings: Settings) -> None:
    """Keep the uploaded model and choose it; what is wrong with it is shown on the page that is drawn next."""
    upload = st.session_state.get(key)
    if upload is None:
        return
    st.session_state.pop("model_refused", None)
    # A new widget lets go of the file, which Streamlit holds in memory.
    st.session_state["model_uploads"] = st.session_state.get("model_uploads", 0) + 1
    try:
        settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=own_prefix(), dir=settings.cache) as folder:
            archive = Path(folder) / own_file_name(upload.name, "model.zip")
            archive.write_bytes(upload.getbuffer())
            known = set(settings.models.glob("*"))
            stored = store_model_zip(archive, settings)
            visitor(settings).claim_new(stored, known)
    except (ModelError, OSError) as error:
        st.session_state["model_refused"] = str(error)
        return
    st.query_params[PARAMETER] = f"uploaded:{stored.name}"
    _close()
    st.toast("The uploaded model is chosen.", icon=":material/check_circle:")
