"""Which of an image's channels was taken for the nuclei's, and the choice of another: beside the picture, one click."""

from __future__ import annotations

import dataclasses

import streamlit as st

from studio.common.text import plain
from studio.predict.adjustments import MOST_CHANNELS, write_preparation
from studio.predict.pipeline import Job
from unet.preprocess.channels import ChannelChoice

AUTOMATIC, CHOICE = -1, "nuclei_channel"
HUES = ("red", "green", "blue")  # those that Streamlit has a colour for


def show_channels(job: Job, choice: ChannelChoice) -> None:
    """Draw what was taken and the channels by name and colour, where they show different things or somebody chose.

    A click counts for all images, and stands in the address.
    """
    if choice.blend and choice.automatic:
        st.caption(f"{_names(choice)}: {plain(choice.reason)}.")
    if len(choice.names) == 1 or not (choice.differ or not choice.automatic):
        return
    # Set here, since a link or another control may have changed it.
    by_hand = job.preparation.channels
    st.session_state[CHOICE] = AUTOMATIC if not by_hand else by_hand[0] if len(by_hand) == 1 else None
    st.pills(
        "Channel of the nuclei, in all images",
        [AUTOMATIC, *range(min(len(choice.names), MOST_CHANNELS))],
        format_func=lambda channel: "Automatic" if channel == AUTOMATIC else _named(choice.names[channel]),
        key=CHOICE,
        on_change=_chosen,
        args=(job,),
        help="Your choice applies to all images and is kept in the address. Several channels together can be chosen "
        "under “Channels, contrast, scale”.",
    )
    taken = f"Looking for nuclei in **{_names(choice)}**"
    st.caption(f"{taken}: {plain(choice.reason)}." if choice.automatic else f"{taken}, as you chose.")


def _names(choice: ChannelChoice) -> str:
    return " + ".join(_named(choice.names[channel]) for channel in choice.channels if channel < len(choice.names))


def _named(name: str) -> str:
    return f":{name}[●] {name}" if name in HUES else plain(name)


def _chosen(job: Job) -> None:
    channel = st.session_state[CHOICE]
    if channel is not None:  # a click on the chosen one lets it go: nothing else is chosen by that
        channels = () if channel == AUTOMATIC else (channel,)
        write_preparation(dataclasses.replace(job.preparation, channels=channels))
