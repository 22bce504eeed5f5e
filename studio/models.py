"""Choosing a model, and holding it ready."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from unet.cache import keep_upload
from unet.errors import ModelError, UnetError
from unet.model.folder import ModelEntry, find_model, list_models, store_model_zip
from unet.model.network import count_parameters
from unet.settings import Settings


@st.cache_resource(max_entries=2, show_spinner=False)
def open_predictor(folder: Path, stamp: str):
    """Return the model's ``Predictor``, loaded once; ``stamp`` changes when the folder's content does."""
    from unet.prediction.predictor import Predictor

    predictor = Predictor.open(folder)
    predictor.warm()
    return predictor


def choose_model(settings: Settings) -> ModelEntry | None:
    """Draw the choice of models; the chosen one stands in the address. None if there is no model at all."""
    entries = {entry.key: entry for entry in list_models(settings)}
    wanted = st.query_params.get("model")
    if wanted and wanted not in entries:
        try:
            entries[wanted] = find_model(wanted, settings)  # a run that is still training, say
        except ModelError as error:
            st.warning(f"{error} The first of the list is used.", icon=":material/warning:")
            st.query_params.pop("model")
    if not entries:
        st.info("There is no model yet. Train one first, or upload a Model folder as a zip.", icon=":material/info:")
        _upload_model(settings)
        return None
    chosen = wanted if wanted in entries else next(iter(entries))
    st.session_state.model_choice = chosen
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.selectbox(
            "Model",
            list(entries),
            format_func=lambda key: entries[key].label,
            key="model_choice",
            on_change=_remember,
            width=420,
        )
        with st.popover("About it", icon=":material/info:"):
            show_model(entries[chosen])
        with st.popover("Upload a model", icon=":material/upload:"):
            _upload_model(settings)
    return entries[chosen]


def show_model(entry: ModelEntry) -> None:
    """What a model is, what it reached, and where it comes from."""
    info, origin = entry.info, entry.info.provenance
    st.markdown(f"**{info.name}**")
    height, width = info.config.input_size
    st.markdown(
        f"U-Net with {count_parameters(info.config):,} parameters; images are resized to {height} x {width} pixels, "
        f"{'colour' if info.config.channels == 3 else 'grey'}. Its own threshold is {info.threshold:g}."
    )
    if info.scores:
        names = {"dice": "Dice", "iou": "IoU"}
        rows = {names.get(name, name): f"{value:.4f}" for name, value in info.scores.items()}
        st.caption("On the images that were kept aside to validate on, at the network's size:")
        st.table({"score": rows.keys(), "value": rows.values()}, hide_index=True)
    facts = [
        f"trained on {origin['samples']} images of {origin.get('dataset', 'a dataset')}" if "samples" in origin else "",
        f"best in epoch {origin['best_epoch']}" if "best_epoch" in origin else "",
        str(origin.get("created", ""))[:10],
    ]
    st.caption(" · ".join(fact for fact in facts if fact))
    if "command" in origin:
        st.code(str(origin["command"]), language=None, wrap_lines=True)


def _remember() -> None:
    st.query_params["model"] = st.session_state.model_choice
    # Another model has another threshold of its own.
    st.session_state.pop("threshold", None)


def _upload_model(settings: Settings) -> None:
    st.file_uploader(
        "A zip with model.json and model.weights.h5",
        type="zip",
        key="model_upload",
        on_change=_keep_model,
        args=(settings,),
        max_upload_size=settings.max_upload_mb,
    )
    if st.session_state.get("model_problem"):
        st.error(st.session_state.model_problem, icon=":material/error:")


def _keep_model(settings: Settings) -> None:
    st.session_state.pop("model_problem", None)
    file = st.session_state.model_upload
    if file is None:
        return
    try:
        stored = store_model_zip(keep_upload(file, file.name, settings), settings)
    except UnetError as error:
        st.session_state.model_problem = f"{file.name} cannot be used. {error}"
    except OSError as error:
        st.session_state.model_problem = f"{file.name} could not be stored: {error.strerror or error}."
    else:
        st.query_params["model"] = f"uploaded:{stored.name}"
        st.session_state.pop("threshold", None)
