"""The stage: the network as a U and what is looked at of it; two mounts of components of our own."""

from __future__ import annotations

import base64

import numpy as np
import streamlit as st

from studio.common.javascript import join_modules, shortened
from studio.inside.answers import answer
from studio.inside.subject import Subject
from unet import render
from unet.settings import ASSETS

FILES = ASSETS / "inside"
WIRE = "inside_wire"
_wire = st.components.v2.component("unet_inside_wire", js=join_modules(FILES / "wire.js"))
_stage = st.components.v2.component(
    "unet_inside",
    html=shortened((FILES / "stage.html").read_text(encoding="utf-8")),
    css=shortened((FILES / "stage.css").read_text(encoding="utf-8")),
    js=join_modules(FILES / "stage.js"),
)
_playground = st.components.v2.component(
    "unet_playground",
    html=shortened((FILES / "playground.html").read_text(encoding="utf-8")),
    css=shortened((FILES / "stage.css").read_text(encoding="utf-8")),
    js=join_modules(FILES / "playground.js"),
)


@st.fragment
def answer_questions(subject: Subject) -> None:
    """Answer what the stage asks; only this is run again for a question."""
    asked = (st.session_state.get(WIRE) or {}).get("ask")
    data: bytes | dict[str, str] = answer(subject, asked) if asked else {"subject": subject.key.token}
    _wire(key=WIRE, data=data, height=1, on_ask_change=_nothing)


def _nothing() -> None:
    """A component takes a trigger only for names that have a callback."""


def show_stage(subject: Subject) -> None:
    """Draw the network and what is looked at."""
    palette = np.array([*render.PALETTE, *render.LABEL_COLORS], np.uint8)
    _stage(
        key="inside_stage",
        data={"subject": subject.key.token, "heat": _text(render.HEAT), "palette": _text(palette)},
    )


def show_playground() -> None:
    """Draw the playground. Its networks train in the visitor's browser: thirty of them cost this server nothing."""
    _playground(key="inside_playground", data={"heat": _text(render.HEAT)})


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode()
