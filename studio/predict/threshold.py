"""The threshold in the address, and the model's own."""

from __future__ import annotations

import streamlit as st

from studio.common.parameters import MIN_AREA, THRESHOLD
from unet.models.registry import ModelEntry


def threshold_now(entry: ModelEntry, name: str = THRESHOLD) -> float:
    """Return the threshold that the address says under a name, or the model's own."""
    try:
        threshold = round(float(st.query_params[name]), 2)
    except (KeyError, ValueError):
        threshold = -1.0
    return threshold if 0 <= threshold <= 1 else own_threshold(entry)


def own_threshold(entry: ModelEntry) -> float:
    """Return the model's own threshold, to two decimals as the slider has it."""
    return round(entry.info.threshold, 2)


def set_threshold(threshold: float, name: str = THRESHOLD) -> None:
    """Put a threshold into the address; for callbacks."""
    st.query_params[name] = f"{threshold:.2f}"


def model_has_changed(entry: ModelEntry, model: str) -> bool:
    """Put threshold and separation to the model's own when another model is chosen; those from a link stay."""
    before = st.session_state.get("threshold_of", model)
    st.session_state["threshold_of"] = model
    if before != model:
        set_threshold(own_threshold(entry))
        for name, value in entry.info.separation.to_dict().items():
            st.session_state[name] = value
        st.query_params[MIN_AREA] = str(entry.info.separation.min_area)
    return before != model
