"""Score a model on images whose nuclei are known, and see where it errs: a threshold lab."""

from __future__ import annotations

import streamlit as st

from studio.common.model_picker import choose_model
from studio.common.navigation import enter
from studio.common.text import plain
from studio.evaluate.image_picker import choose_labelled
from studio.evaluate.lab import show_lab
from studio.evaluate.runner import compare_with, evaluations_of
from unet.errors import UnetError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)

with page:
    st.title("Evaluate", anchor=False)
    st.markdown("Score a model on images whose nuclei are known, find its best threshold, and see where it errs.")
    model_side, images_side = st.columns(2)
    with model_side.container(border=True, height="stretch"):
        entry = choose_model(settings)
        other = compare_with(entry, settings) if entry else None
    with images_side.container(border=True, height="stretch"):
        labelled = choose_labelled(entry, settings) if entry else None
    if entry and labelled:
        try:
            entries = [each for each in (entry, other) if each]
            evaluations = evaluations_of(entries, labelled, settings)
            if evaluations:
                show_lab(entries, evaluations, labelled, settings)
        except UnetError as error:
            st.error(plain(str(error)), icon=":material/error:")
