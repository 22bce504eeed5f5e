"""How images are prepared for the model, chosen on the page and kept in the address.

It is part of the job, so it is read before anything is predicted.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

import streamlit as st

from studio.common.parameters import CHANNELS, INVERT, SCALE
from studio.predict.pipeline import Job
from unet.errors import ConfigError
from unet.prediction.object_size import sizes_of
from unet.preprocess.adjust import ImageAdjustments

# Channels that a person may choose from; a file may have more.
MOST_CHANNELS = 16
FITTED = "choice_fit"


def read_preparation() -> ImageAdjustments:
    """Return how images are to be prepared, by the address; what makes no sense there is left out."""
    wanted = st.query_params
    values: dict[str, Any] = {}
    if channels := [int(each) - 1 for each in wanted.get(CHANNELS, "").split(",") if each.isdecimal()]:
        values["channels"] = tuple(channels[:3])
    if wanted.get(INVERT) == "1":
        values["invert"] = True
    try:
        if SCALE in wanted:
            values |= _scaled(float(wanted[SCALE]))
        return ImageAdjustments(**values)
    except (ValueError, ConfigError):
        return ImageAdjustments()


def write_preparation(preparation: ImageAdjustments) -> None:
    """Put a preparation into the address; for callbacks, after which all images are predicted so."""
    usual = ImageAdjustments()
    said = {
        CHANNELS: ",".join(str(channel + 1) for channel in preparation.channels),
        INVERT: "1",
        SCALE: f"{preparation.scale:g}",
    }
    by_hand = {SCALE} if not preparation.fit else set()
    for name, text in said.items():
        if getattr(preparation, name) != getattr(usual, name) or name in by_hand:
            st.query_params[name] = text
        elif name in st.query_params:
            del st.query_params[name]


def choose_preparation(job: Job, channels: int) -> None:
    """Draw how images are prepared; a change predicts them anew."""
    now = job.preparation
    options = list(range(min(channels, MOST_CHANNELS)))
    # Set here, since advice, a link or the choice of one channel may have changed them.
    st.session_state["choice_channels"] = [channel for channel in now.channels if channel in options]
    st.session_state["choice_invert"] = now.invert
    if channels > 1:
        st.pills(
            "Channels shown and given to the model",
            options,
            selection_mode="multi",
            format_func=lambda channel: str(channel + 1),
            key="choice_channels",
            on_change=_changed,
            args=(now, CHANNELS),
            help="Up to three; a single one is taken as grey. If none is chosen, their content decides.",
        )
    fields = {item.name: item.metadata for item in dataclasses.fields(ImageAdjustments)}
    st.toggle(
        "Invert the contrast",
        key="choice_invert",
        on_change=_changed,
        args=(now, INVERT),
        help=fields["invert"]["help"],
    )
    if job.entry.info.config.is_native:
        _choose_scale(job, fields["scale"])


def _choose_scale(job: Job, field: Mapping[str, Any]) -> None:
    """Draw the scale, and whether it is found by the size of the nuclei; a number that is typed is meant."""
    now = job.preparation
    st.session_state["choice_scale"] = now.scale
    if sizes_of(job.entry.info):
        st.session_state[FITTED] = now.fit and now.scale == 1
        st.toggle(
            "Scale by the size of the nuclei",
            key=FITTED,
            on_change=_changed_fit,
            args=(now,),
            help="Where they are larger than any that the model learned, it is given a smaller image; where they are "
            "not small, a second one at half the size, and the mean of both counts. Off: one view at the scale below.",
        )
    st.number_input(
        "Scale for the model",
        field["low"],
        field["high"],
        step=0.1,
        key="choice_scale",
        on_change=_changed,
        args=(now, SCALE),
        help=field["help"],
    )


def _scaled(scale: float) -> dict[str, Any]:
    """Return the fields of a scale set by hand: 1, too, is then not another one by the size of the nuclei."""
    return {"scale": scale, "fit": scale != 1}


def _changed_fit(now: ImageAdjustments) -> None:
    write_preparation(dataclasses.replace(now, scale=1.0, fit=st.session_state[FITTED]))


def _changed(now: ImageAdjustments, name: str) -> None:
    value = st.session_state[f"choice_{name}"]
    if name == CHANNELS:
        value = tuple(value[-3:])
    write_preparation(dataclasses.replace(now, **(_scaled(value) if name == SCALE else {name: value})))
