"""Score a model on images whose nuclei are known, and see where it errs: a threshold lab."""

from __future__ import annotations

import streamlit as st

from studio.common.dataset_picker import choose_dataset, use_sample
from studio.common.empty import show_empty
from studio.common.model_picker import choose_models
from studio.common.navigation import enter
from studio.common.text import plain, told
from studio.evaluate.image_picker import choose_labelled
from studio.evaluate.lab import show_lab
from studio.evaluate.others import compare_with_others
from studio.evaluate.runner import evaluations_of
from unet.errors import UnetError
from unet.settings import read_settings

enter()
settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)


def ways_to_images() -> None:
    """Images with masks of one's own, or the sample's."""
    st.markdown("**Images with masks**")
    use_sample(settings, "Score it on the sample dataset")
    choose_dataset(settings)


with page:
    bar = st.container(horizontal=True, vertical_alignment="center", key="bar")
    notices = st.container()
    with bar:
        st.title("Evaluate", anchor=False, width="content")
        entries = choose_models(settings, notices.warning)
        labelled = choose_labelled(entries, settings, notices.warning) if entries else None
    if entries and labelled:
        try:
            evaluations = evaluations_of(entries, labelled, settings)
            if evaluations:
                show_lab(entries, evaluations, labelled, settings)
                compare_with_others(evaluations[0], plain(entries[0].info.name), labelled, settings)
        except UnetError as error:
            st.error(told(error), icon=":material/error:")
    elif entries:
        st.markdown(
            "Score a model on images whose nuclei are known, find its best threshold, and see where it goes wrong."
        )
        show_empty(
            ways_to_images,
            "evaluation.webp",
            "Each nucleus is coloured by its outcome: green for matched, orange-red for missed, yellow for false. You "
            "also see the scores at every threshold, and the images from worst to best.",
            "Three microscope images with the outline of each nucleus coloured by its outcome.",
        )
