"""The pages of the app, and the way in for whoever follows a link to one of them."""

from __future__ import annotations

from pathlib import Path

import streamlit as st
from streamlit.navigation.page import Page

from unet.files import sweep
from unet.settings import ASSETS

ENTERED = "came_through_the_front_door"


def pages() -> list[Page]:
    """Return the app's pages; their addresses are pinned, since people share them."""
    return [
        st.Page("pages/home.py", title="Home", icon=":material/home:", default=True),
        st.Page("pages/train.py", title="Train", icon=":material/model_training:", url_path="train"),
        st.Page("pages/predict.py", title="Predict", icon=":material/image_search:", url_path="predict"),
        st.Page("pages/evaluate.py", title="Evaluate", icon=":material/speed:", url_path="evaluate"),
        st.Page("pages/inside.py", title="Inside", icon=":material/layers:", url_path="inside"),
    ]


def open_front_door() -> Page:
    """Return the page that is asked for, to be run by the front door."""
    st.session_state[ENTERED] = True
    return st.navigation(pages(), position="top")


@st.cache_resource(show_spinner=False)
def clear_away(home: Path) -> None:
    """Remove what killed processes have left, once after the server's start."""
    sweep(home)


def enter() -> None:
    """Send on through the front door whoever came to a page past it.

    Until ``st.navigation`` has been called once in a server's life, Streamlit takes ``pages/`` for pages that it runs
    by themselves, with a navigation of its own. A link to a page of a server that has just started leads there.
    """
    if ENTERED not in st.session_state:
        # Without an icon of our own, the browser would fetch that of the page's menu entry from fonts.gstatic.com.
        st.set_page_config("U-Net Studio", ASSETS / "icon.svg", layout="wide")
        st.navigation(pages(), position="hidden")  # from now on, pages/ is ours
        st.rerun()
