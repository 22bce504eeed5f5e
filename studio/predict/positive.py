"""Positive and negative nuclei: by the mean of which channel they are told, and above which level."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import streamlit as st

from studio.common.parameters import POSITIVE
from studio.predict.adjustments import MOST_CHANNELS
from unet.errors import ConfigError
from unet.prediction.marker import MEAN, Marker, level_between, parse_marker, write_marker

OFF, CHOICE = -1, "positive_channel"


def read_marker() -> Marker | None:
    """Return the channel and level that the address says; what makes no sense there is left out."""
    try:
        return parse_marker(st.query_params[POSITIVE])
    except (KeyError, ConfigError):
        return None


def marker_now(measured: Callable[[Marker], pd.DataFrame]) -> Marker | None:
    """Return the marker by the address; of a channel that was just chosen, the level that divides best is put there.

    Parameters
    ----------
    measured : callable
        Gives the measurements of the image that is looked at, with a marker's.
    """
    said = st.query_params.get(POSITIVE, "")
    if not said.isdecimal() or not 1 <= int(said) <= MOST_CHANNELS:
        return read_marker()
    frame = measured(Marker(int(said) - 1, 0.0))
    if MEAN in frame:
        set_level(level_between(frame[MEAN].to_numpy()), int(said) - 1)
    return read_marker()


def set_level(level: float, channel: int) -> None:
    """Put the level into the address; for callbacks."""
    st.query_params[POSITIVE] = write_marker(Marker(channel, level))


def choose_marker(channels: int) -> None:
    """Draw the choice of the channel; its level has a slider above the picture."""
    said = st.query_params.get(POSITIVE, "").partition(":")[0]
    # Set here, since a link may have changed it.
    chosen = int(said) - 1 if said.isdecimal() else OFF
    options = [OFF, *range(min(channels, MOST_CHANNELS))]
    st.session_state[CHOICE] = chosen if chosen in options else OFF
    st.pills(
        "Positive nuclei, by the mean of a channel",
        options,
        format_func=lambda channel: "Off" if channel == OFF else f"Channel {channel + 1}",
        key=CHOICE,
        on_change=_chosen,
        help="Such as that of a stain for dividing cells. A second slider above the picture then says from which mean "
        "on a nucleus is positive, in all images.",
    )


def _chosen() -> None:
    channel = st.session_state[CHOICE]
    if channel is not None and channel != OFF:
        st.query_params[POSITIVE] = str(channel + 1)
    elif POSITIVE in st.query_params:
        del st.query_params[POSITIVE]


def for_viewer(frame: pd.DataFrame, marker: Marker | None) -> dict[str, Any] | None:
    """Return what the viewer needs to tell positive nuclei at every frame; None where they are not told."""
    if marker is None or MEAN not in frame or not len(frame):
        return None
    numbers, found = frame["label"].to_numpy(), frame[MEAN].to_numpy(float)
    means = np.full(int(numbers.max()) + 1, np.nan, np.float32)
    means[numbers] = found
    finite = found[np.isfinite(found)]
    low, high = (float(finite.min()), float(finite.max())) if len(finite) else (0.0, 1.0)
    return {
        "channel": marker.channel + 1,
        "level": float(f"{marker.level:.6g}"),
        "low": min(low, marker.level),
        "high": max(high, marker.level),
        "means": base64.b64encode(means.astype("<f4").tobytes()).decode(),
    }
