"""The pictures of the home page."""

from __future__ import annotations

import streamlit as st

from studio.common.empty import ILLUSTRATIONS

DIAGRAM = ILLUSTRATIONS / "unet.svg"


def show_diagram() -> None:
    """Draw the U-Net into the page itself, as a component: its text takes the theme's colour, also when that changes.

    As an image it would keep the colour that it came with, and ``st.html`` lets no drawing through.
    """
    diagram = st.components.v2.component(
        "unet_diagram",
        html=DIAGRAM.read_text(encoding="utf-8"),
        css="svg { display: block; width: 100%; height: auto; color: var(--st-text-color); }",
    )
    diagram(key="diagram")
