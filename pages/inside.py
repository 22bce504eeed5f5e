"""Look into the network: an image on its way through it, layer by layer and number by number."""

from __future__ import annotations

import streamlit as st

from studio.common.model_picker import choose_models
from studio.common.navigation import enter
from studio.common.text import told
from studio.inside.choose import choose_subject
from studio.inside.stage import answer_questions, show_playground, show_stage
from unet.errors import UnetError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)

with page:
    bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
    with bar:
        st.title("Inside", anchor=False, width="content")
        entries = choose_models(settings)
    st.markdown(
        "A square of an image on its way through the real network. Select a stack of **feature maps** in the U: "
        "pictures of where a layer found what it looks for. The square is seen at its own size; Predict may scale an "
        "image first, or take the mean of two views."
    )
    if entries:
        try:
            subject = choose_subject(entries[0], settings, bar)
            answer_questions(subject)
            show_stage(subject)
        except UnetError as error:
            st.error(told(error), icon=":material/error:")
    st.header("Play with training", anchor="playground")
    st.markdown(
        "A small U-Net learns here, in your browser, to find circles and squares and to leave rings alone. It learns "
        "from **training images** and is judged by **validation images**, which it does not learn from. One training "
        "image is learned by heart (**overfitting**); without activation the network is too simple (**underfitting**)."
    )
    show_playground()
