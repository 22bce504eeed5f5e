"""Choose a model and images, then move the threshold and see what changes."""

from __future__ import annotations

import streamlit as st

from studio.images import choose_images
from studio.models import choose_model
from studio.predictions import ModelPredictions
from studio.results import show_results
from unet.errors import UnetError
from unet.settings import read_settings

settings = read_settings()
page = st.container(horizontal_alignment="center").container(width=1280)

with page:
    st.title("Predict", anchor=False)
    st.markdown("Choose a model, give it images, and move the threshold until the outlines fit.")
    model = choose_model(settings)
    images = choose_images(settings) if model else []
    if images:
        try:
            predictions = ModelPredictions(model, settings)
            predicted, problems = predictions.predict_all(images)
        except (UnetError, OSError) as error:
            st.error(f"The images could not be predicted. {error}", icon=":material/error:")
            st.stop()
        if problems:
            st.warning("Left out: " + " ".join(problems), icon=":material/warning:")
        if predicted:
            show_results(predictions, predicted)
    elif model:
        st.caption("Nothing chosen yet: drop images above, or take the samples.")
