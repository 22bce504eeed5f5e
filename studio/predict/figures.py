"""What stands next to a result's picture: figures, and advice where it looks wrong."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from studio.common.text import plain
from studio.predict.adjustments import write_preparation
from studio.predict.pipeline import Decision
from studio.predict.threshold import set_threshold
from unet.prediction.advice import Advice
from unet.prediction.marker import positive_share


def show_figures(frame: pd.DataFrame, kept: set[int] | None, pixels: int, decision: Decision) -> None:
    """Draw how many nuclei there are, how many the filter keeps, and how much of the image these cover.

    Parameters
    ----------
    frame : DataFrame
        As ``measure`` gives it, of all nuclei.
    kept : set of int or None
        The numbers of those that the filter keeps; None without one.
    pixels : int
        Of the image.
    decision : Decision
    """
    kind = "Touching nuclei are separated." if decision.separation.separate else "Touching nuclei count as one."
    with st.container(horizontal=True, gap="medium"):
        st.metric("Nuclei found", f"{len(frame):,}", help=f"Objects above the threshold. {kind}", width="content")
        if kept is not None:
            st.metric("Kept", f"{len(kept):,}", help="In the ranges chosen below.", width="content")
        counted = frame if kept is None else frame[frame["label"].isin(kept)]
        whose = "the nuclei" if kept is None else "the kept nuclei"
        if (share := positive_share(counted)) is not None:
            words = f"Share of {whose} that are positive. The level has a slider of its own."
            st.metric("Positive", f"{share:.1%}", help=words, width="content")
        st.metric(
            "Area covered",
            f"{counted['area'].sum() / pixels:.1%}",
            help=f"Share of the image that {whose} cover.",
            width="content",
        )


def show_advice(advice: Advice | None, is_kept: bool) -> None:
    """Draw what may be done about a result that looks wrong."""
    if advice is None or not is_kept:
        return
    with st.container(border=True, key="advice"):
        st.markdown(f":material/lightbulb: {plain(advice.message)}")
        if advice.action:
            st.button(advice.action, icon=":material/build:", key="remedy", on_click=_mend, args=(advice,))


def _mend(advice: Advice) -> None:
    if advice.threshold is not None:
        set_threshold(advice.threshold)
    if advice.preparation is not None:
        write_preparation(advice.preparation)
