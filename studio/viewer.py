"""The pictures of a prediction: zoomed by wheel, moved by dragging, sharp when near."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st
from plotly.subplots import make_subplots

from unet.prediction import render

VIEWS = ("Overlay", "Image", "Probability", "Mask", "Side by side")
HEIGHT = 560
ORANGE = "orange"


@dataclass(frozen=True)
class Layer:
    """A picture to show, what it is called, and what its colours mean."""

    title: str
    address: str
    meaning: str


def make_layers(
    view: str, picture: np.ndarray, probability: np.ndarray, labels: np.ndarray, opacity: float
) -> list[Layer]:
    """Draw what a view shows.

    Parameters
    ----------
    view : str
        One of ``VIEWS``.
    picture : (height, width, 3) uint8
    probability : (height, width) float32
    labels : (height, width)
        The objects above the threshold.
    opacity : float
        Of the overlay's filling, 0 to 1.
    """
    drawn = {
        "Image": lambda: Layer("Image", render.data_uri(picture, "jpeg"), "the image as it was given"),
        "Overlay": lambda: Layer(
            "Overlay",
            render.data_uri(render.overlay(picture, labels, opacity=opacity), "jpeg"),
            f"the image, with what lies above the threshold tinted and outlined in {ORANGE}",
        ),
        "Probability": lambda: Layer(
            "Probability",
            render.data_uri(render.heatmap(probability)),
            "from dark violet, surely background, over green to yellow, surely nucleus",
        ),
        "Mask": lambda: Layer(
            "Mask", render.data_uri(render.mask_picture(labels > 0)), "white lies above the threshold, black does not"
        ),
    }
    names = ("Image", "Overlay", "Probability") if view == "Side by side" else (view,)
    return [drawn[name]() for name in names]


def show_layers(layers: Sequence[Layer], size: tuple[int, int], name: str) -> None:
    """Show pictures of one size beside each other; zooming and moving one does so to all.

    Parameters
    ----------
    layers : sequence of Layer
    size : tuple of int
        Height and width of the pictures, in pixels.
    name : str
        The image's: as long as it stays the same, so does the zoom.
    """
    height, width = size
    figure = make_subplots(
        rows=1,
        cols=len(layers),
        horizontal_spacing=0.01,
        subplot_titles=[layer.title for layer in layers[1:] and layers],
    )
    for column, layer in enumerate(layers, start=1):
        figure.add_trace(go.Image(source=layer.address, hoverinfo="skip"), row=1, col=column)
    figure.update_xaxes(visible=False, matches="x", range=[-0.5, width - 0.5], constrain="domain")
    figure.update_yaxes(visible=False, matches="y", range=[height - 0.5, -0.5], constrain="domain")
    for column in range(1, len(layers) + 1):
        figure.update_yaxes(scaleanchor=f"x{column if column > 1 else ''}", row=1, col=column)
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 28 if len(layers) > 1 else 0, "b": 0},
        dragmode="pan",
        uirevision=f"{name}-{len(layers)}",
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    meaning = "; ".join(f"{layer.title}: {layer.meaning}" for layer in layers)
    st.plotly_chart(
        figure,
        key="viewer",
        config={
            "scrollZoom": True,
            "displaylogo": False,
            "modeBarButtonsToRemove": ["select2d", "lasso2d", "autoScale2d"],
            "doubleClick": "reset",
        },
        alt=f"{name}. {meaning}",
    )
    st.caption(f"{meaning}. Wheel: zoom · drag: move · double click: fit.")
