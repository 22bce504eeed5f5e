"""Choose a model and images, and move the threshold until the mask fits."""

from __future__ import annotations

import streamlit as st

from studio.common.model_picker import choose_model
from studio.common.navigation import enter
from studio.common.text import plain
from studio.home.diagram import ILLUSTRATIONS
from studio.predict.controls import read_preparation
from studio.predict.image_picker import choose_images
from studio.predict.pipeline import Job
from studio.predict.view import show_results
from unet.errors import ModelError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)

with page:
    st.title("Predict", anchor=False)
    st.markdown("Let a model find the nuclei in your images, and move the threshold until the outlines fit.")
    model_side, images_side = st.columns(2)
    with model_side.container(border=True, height="stretch"):
        entry = choose_model(settings)
    with images_side.container(border=True, height="stretch", vertical_alignment="center"):
        images = choose_images(settings)

    if entry and images:
        try:
            show_results(Job.of(entry, settings, read_preparation()), images)
        except ModelError as error:
            st.error(f"{plain(str(error))} Choose another model.", icon=":material/error:")
    elif entry:
        st.space("small")
        with st.container(horizontal_alignment="center"):
            st.image(
                str(ILLUSTRATIONS / "segmentation.webp"),
                width=620,
                alt="Three pictures of the same nuclei: the grey microscope image; its probability map, yellow where "
                "there is a nucleus; and the image with the nuclei tinted and outlined in orange.",
            )
            st.caption(
                "Images are predicted as soon as you choose them. Then you see each one, its probability map, and "
                "the mask above your threshold.",
                text_alignment="center",
            )
