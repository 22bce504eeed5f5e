"""What a page shows before there is anything on it: the ways to begin, and a picture of what one will get."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from unet.settings import ASSETS

ILLUSTRATIONS = ASSETS / "illustrations"


def show_empty(ways: Callable[[], None], picture: str, words: str, alt: str) -> None:
    """Draw the ways to begin beside a picture.

    Parameters
    ----------
    ways : callable
        Draws the ways.
    picture : str
        A file name in ``assets/illustrations``.
    words : str
        What the picture shows; its caption.
    alt : str
        The picture in words, for those who cannot see it.
    """
    left, right = st.columns([5, 6], gap="large")
    with left.container(border=True):
        ways()
    with right:
        st.image(str(ILLUSTRATIONS / picture), width="stretch", alt=alt)
        st.caption(words)
