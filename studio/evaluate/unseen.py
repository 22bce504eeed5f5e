"""How much of a score is of kinds of images that the model has learned from: those of others will be of other kinds."""

from __future__ import annotations

import streamlit as st

from unet.evaluation.evaluate import Evaluation


def show_unseen(evaluation: Evaluation, threshold: float, learned: frozenset[str]) -> None:
    """Draw the score on unseen kinds, or that there are none; nothing where it is not known what was learned from."""
    if not learned:
        return
    unseen = evaluation.scores(threshold, unless=learned)
    alike = len(evaluation.images) - unseen.images
    if not unseen.images:
        st.caption(
            ":material/warning: All these images are of kinds that the model has learned from; those of other "
            "experiments will score lower. A training with **Kinds held out** says by how much."
        )
    elif alike:
        st.caption(
            f":material/experiment: **{unseen.competition:.3f} on unseen kinds**: {unseen.images:,} of these images. "
            f"The other {alike:,} are of kinds that the model has learned from."
        )
    else:
        st.caption(
            f":material/experiment: **{unseen.competition:.3f} on unseen kinds**: none of these images is of a kind "
            "that the model has learned from."
        )
