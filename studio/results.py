"""The threshold and all that it moves: one fragment, so that nothing else reruns."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import streamlit as st

from studio.images import load_picture, page_count
from studio.predictions import ModelPredictions, Predicted
from studio.viewer import VIEWS, make_layers, show_layers
from unet.data.images import read_image
from unet.data.pixels import resize_classes, resize_probability
from unet.errors import ImageError
from unet.prediction import export
from unet.prediction.objects import label_objects, threshold_map

# The longest side of the pictures that go to the browser; counts and exports are always of the whole image.
SHOWN_SIDE = 1600


@st.fragment
def show_results(predictions: ModelPredictions, images: Sequence[Predicted]) -> None:
    """Draw the controls, the viewer, the figures and the downloads."""
    controls, viewer = st.columns([2, 5], gap="large")
    with controls:
        chosen = _choose_image(images)
        chosen = _choose_page(predictions, chosen)
        own = predictions.entry.info.threshold
        threshold = st.slider(
            "Threshold",
            0.0,
            1.0,
            own,
            0.01,
            key="threshold",
            bind="query-params",
            help="A pixel whose probability lies above it counts as nucleus. Arrow keys move it by 0.01.",
        )
        st.caption(f"The model's own threshold is {own:g}.")
    prediction = predictions.load(chosen)
    labels = label_objects(threshold_map(prediction.probability, threshold))
    summary = predictions.summary(chosen, threshold)
    with controls:
        with st.container(horizontal=True):
            st.metric("Objects", f"{summary.count:,}", help="Connected areas above the threshold.")
            st.metric("Covered", f"{summary.covered:.1%}", help="Share of the image that lies above the threshold.")
        _downloads(predictions, images, chosen, labels, threshold)
    with viewer:
        _show(predictions, chosen, prediction.probability, labels)
    if len(images) > 1:
        _table(predictions, images, threshold)


def _choose_image(images: Sequence[Predicted]) -> Predicted:
    names = [predicted.image.name for predicted in images]
    options = [name if names.count(name) == 1 else f"{name} ({number})" for number, name in enumerate(names, start=1)]
    if len(options) == 1:
        st.markdown(f"**{options[0]}**")
        return images[0]
    name = st.selectbox("Image", options, key="image", bind="query-params")
    return images[options.index(name)] if name in options else images[0]


def _choose_page(predictions: ModelPredictions, chosen: Predicted) -> Predicted:
    pages = page_count(chosen.image.path, chosen.image.key)
    if pages == 1:
        return chosen
    page = st.number_input(f"Page, 1 to {pages}", 1, pages, 1, key=f"page-{chosen.image.key}")
    try:
        with st.spinner("Predicting this page …"):
            return predictions.predict(chosen.image, page - 1)
    except ImageError as error:
        st.error(f"{error} Page 1 is shown.", icon=":material/error:")
        return chosen


def _show(predictions: ModelPredictions, chosen: Predicted, probability: np.ndarray, labels: np.ndarray) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="view", bind="query-params")
        opacity = 0.4
        if view in ("Overlay", "Side by side"):
            opacity = st.slider(
                "Opacity of the overlay", 0.0, 1.0, opacity, 0.05, key="opacity", bind="query-params", width=240
            )
    limit = predictions.settings.max_image_megapixels
    picture = load_picture(chosen.image.path, chosen.image.key, chosen.page, limit, SHOWN_SIDE)
    size = picture.shape[:2]
    if size != probability.shape:
        probability, labels = resize_probability(probability, size), resize_classes(labels > 0, size)
    show_layers(make_layers(view or VIEWS[0], picture, probability, labels, opacity), size, chosen.image.name)


def _downloads(
    predictions: ModelPredictions, images: Sequence[Predicted], chosen: Predicted, labels: np.ndarray, threshold: float
) -> None:
    """Offer the results; each file is made when it is asked for."""
    stem = Path(chosen.image.name).stem
    with st.container(horizontal=True):
        st.download_button(
            "Mask (PNG)", lambda: export.mask_png(labels > 0), f"{stem}_mask.png", "image/png", on_click="ignore"
        )
        st.download_button(
            "Labels (TIFF)", lambda: export.labels_tiff(labels), f"{stem}_labels.tif", "image/tiff", on_click="ignore"
        )
        count = f"{len(images)} images" if len(images) > 1 else "this image"
        st.download_button(
            f"All of {count} (zip)",
            lambda: _everything(predictions, images, threshold),
            "predictions.zip",
            "application/zip",
            on_click="ignore",
            help="Probability maps, masks, label maps and overlays, a table, and what made them.",
        )


def _everything(predictions: ModelPredictions, images: Sequence[Predicted], threshold: float) -> bytes:
    def items() -> Iterator[export.ExportItem]:
        for predicted in images:
            image = read_image(
                predicted.image.path, page=predicted.page, max_megapixels=predictions.settings.max_image_megapixels
            )
            yield export.ExportItem(predicted.image.name, predictions.load(predicted), image)

    with tempfile.TemporaryDirectory(dir=predictions.settings.cache) as folder:
        archive = export.everything_zip(Path(folder) / "predictions.zip", items(), predictions.entry.info, threshold)
        return archive.read_bytes()


def _table(predictions: ModelPredictions, images: Sequence[Predicted], threshold: float) -> None:
    st.subheader("All images", anchor=False)
    rows = []
    for predicted in images:
        height, width = predictions.load(predicted).probability.shape
        found = predictions.summary(predicted, threshold)
        rows.append(
            {
                "image": predicted.image.name,
                "size": f"{width} x {height}",
                "objects": found.count,
                "covered": found.covered * 100,
                "mean area (pixels)": found.mean_area,
            }
        )
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            "covered": st.column_config.NumberColumn("covered", format="%.1f %%"),
            "mean area (pixels)": st.column_config.NumberColumn(format="%.0f"),
        },
    )
