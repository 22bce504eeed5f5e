"""Choose a model and images, and move the threshold until the mask fits."""

from __future__ import annotations

import streamlit as st

from studio.common.model_picker import choose_model
from studio.common.navigation import enter
from studio.common.text import plain
from studio.home.diagram import ILLUSTRATIONS
from studio.predict.controls import read_preparation
from studio.predict.image_picker import choose_images, upload_images
from studio.predict.pipeline import Job
from studio.predict.view import show_notices, show_results
from unet.errors import ModelError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)


def show_empty() -> None:
    """The ways to choose images, and what one will get."""
    st.markdown("Let a model find the nuclei in your images, and move the threshold until the outlines fit.")
    ways, picture = st.columns([5, 6], gap="large", vertical_alignment="center")
    with ways.container(border=True):
        upload_images(settings)
    with picture:
        st.image(
            str(ILLUSTRATIONS / "segmentation.webp"),
            width="stretch",
            alt="Three pictures of the same nuclei: the grey microscope image; its probability map, yellow where "
            "there is a nucleus; and the image with the nuclei tinted and outlined in orange.",
        )
        st.caption(
            "Images are predicted as soon as you choose them. Then you see each one, its probability map, and "
            "the mask above your threshold.",
            text_alignment="center",
        )


with page:
    notices: list[str] = []
    bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
    with bar:
        st.title("Predict", anchor=False, width="content")
        entry = choose_model(settings, notices.append)
        images = choose_images(settings, notices.append) if entry else {}
    if entry and images:
        try:
            show_results(Job.of(entry, settings, read_preparation()), images, bar, notices)
        except ModelError as error:
            st.error(f"{plain(str(error))} Choose another model.", icon=":material/error:")
    else:
        show_notices(notices)
        if entry:
            show_empty()
