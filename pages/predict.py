"""Choose a model and images, and move the threshold until the mask fits."""

from __future__ import annotations

import streamlit as st

from studio.common.empty import show_empty
from studio.common.model_picker import choose_models
from studio.common.navigation import enter
from studio.common.text import told
from studio.predict.adjustments import read_preparation
from studio.predict.image_picker import choose_images, upload_images
from studio.predict.pipeline import Job
from studio.predict.plate import name_plate, named_plate, show_plate
from studio.predict.view import show_results
from studio.predict.waiting import show_notices
from unet.errors import ModelError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)


def ways_to_images() -> None:
    """Images from a disk, those that the app ships, or an OME-Zarr of this machine."""
    upload_images(settings)
    name_plate(settings)


with page:
    notices: list[str] = []
    bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
    with bar:
        st.title("Predict", anchor=False, width="content")
        models = choose_models(settings, notices.append)
        images = choose_images(settings, notices.append) if models else {}
    if models and images:
        try:
            job, *others = (Job.of(entry, settings, read_preparation()) for entry in models)
            show_results(job, next(iter(others), None), images, bar, notices)
        except ModelError as error:
            st.error(f"{told(error)} Choose another model.", icon=":material/error:")
    elif models and (plate := named_plate(settings)):
        show_plate(models[0], plate, settings)
    else:
        show_notices(notices)
        if models:
            st.markdown("Let a model find the nuclei in your images, and move the threshold until the outlines fit.")
            show_empty(
                ways_to_images,
                "segmentation.webp",
                "Images are predicted as soon as you choose them. Then you see each one, its probability map, and the "
                "nuclei above your threshold, to be counted, measured and exported.",
                "Three pictures of the same nuclei: the grey microscope image; its probability map, yellow where there "
                "is a nucleus; and the image with each nucleus in a colour of its own.",
            )
