"""Model cards: what a shipped model was made from, how well it does, and what it is bad at; shown from ``docs/``."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from unet.models.registry import ModelEntry
from unet.settings import PROJECT, SHIPPED_MODELS

DOCS = PROJECT / "docs"
PICTURE = re.compile(r"^!\[(?P<words>[^\]]*)\]\((?P<file>[\w./-]+)\)$", re.MULTILINE)


def card_of(entry: ModelEntry) -> Path | None:
    """Return the card of a shipped model, or None if it has none."""
    path = DOCS / f"{entry.folder.name}.md"
    return path if entry.folder.parent == SHIPPED_MODELS and path.is_file() else None


@st.dialog("Model card", width="large")
def show_card(path: Path) -> None:
    """Open a card over the page; its pictures lie beside it."""
    text = path.read_text(encoding="utf-8")
    # The dialog has a title; links between files lead nowhere here.
    text = re.sub(r"^# .*\n", "", text)
    text = re.sub(r"\[([^\]]+)\]\(\w+\.md\)", r"\1", text)
    start = 0
    for found in PICTURE.finditer(text):
        st.markdown(text[start : found.start()])
        st.image(str(path.parent / found["file"]), alt=found["words"], caption=found["words"])
        start = found.end()
    st.markdown(text[start:])
