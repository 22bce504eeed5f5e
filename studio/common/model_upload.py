"""Uploading a Model folder, which is then the chosen one."""

from __future__ import annotations

import tempfile
from pathlib import Path

import streamlit as st

from studio.common.parameters import MODEL
from studio.common.text import own_file_name, plain
from studio.common.visitor import visitor
from unet.errors import ModelError
from unet.files import own_prefix
from unet.models.metadata import INFO_FILE
from unet.models.registry import store_model_zip, uploaded_key
from unet.models.weights import WEIGHTS_FILE
from unet.settings import Settings

CLOSED = "model_closed"  # counts how often its popover was closed from here


def show_uploader(settings: Settings) -> None:
    """Draw the upload of a Model folder, and what was wrong with the last one."""
    key = f"model_upload_{st.session_state.get('model_uploads', 0)}"
    st.file_uploader(
        "A Model folder as a zip",
        type="zip",
        max_upload_size=settings.max_upload_mb,
        key=key,
        on_change=_store,
        args=(key, settings),
        help=f"`{INFO_FILE}` and `{WEIGHTS_FILE}`, such as the folder `model` of a run; or a bioimage.io package "
        "that was exported here.",
    )
    if refused := st.session_state.get("model_refused"):
        st.error(plain(refused), icon=":material/error:")


def _store(key: str, settings: Settings) -> None:
    """Keep the uploaded model and choose it; what is wrong with it is shown on the page that is drawn next."""
    upload = st.session_state.get(key)
    if upload is None:
        return
    st.session_state.pop("model_refused", None)
    # A new widget releases the file, which Streamlit holds in memory.
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
    st.query_params[MODEL] = uploaded_key(stored)
    close_popover()
    st.toast("The uploaded model is chosen.", icon=":material/check_circle:")


def close_popover() -> None:
    """Close the popover in which models are chosen; for callbacks."""
    st.session_state[CLOSED] = st.session_state.get(CLOSED, 0) + 1
