"""The models in use, opened once for all sessions."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

from unet.errors import ModelError
from unet.models.folder import model_digest as folder_digest
from unet.models.folder import model_stamp
from unet.models.registry import ModelEntry
from unet.prediction.predictor import Predictor

HELD = 3  # models in memory, some tens of MB each


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
    return folder_digest(Path(folder))


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
    if folder_digest(Path(folder)) != digest:
        raise ModelError("The model was replaced by another one while it was in use; load the page again.")
    return predictor
