"""What a model's folder says of it, and a shipped model's card from ``docs/``."""

from __future__ import annotations

import re
from pathlib import Path

import streamlit as st

from studio.common.text import plain, size_of
from unet.models.metadata import ModelInfo
from unet.models.network import count_parameters
from unet.models.registry import ModelEntry
from unet.settings import PROJECT, SHIPPED_MODELS

DOCS = PROJECT / "docs"
PICTURE = re.compile(r"^!\[(?P<words>[^\]]*)\]\((?P<file>[\w./-]+)\)$", re.MULTILINE)

SCORES = {"competition": "Score", "dice": "Dice", "iou": "IoU", "accuracy": "Accuracy"}
ORIGIN = {
    "created": "Made",
    "run": "Run",
    "start_from": "Improved from",
    "dataset": "Dataset",
    "samples": "Samples",
    "epochs": "Epochs",
    "best_epoch": "Best epoch",
    "seed": "Seed",
    "command": "Command",
}


def card_of(entry: ModelEntry) -> Path | None:
    """Return the card of a shipped model, or None if it has none."""
    path = DOCS / f"{entry.folder.name}.md"
    return path if entry.folder.parent == SHIPPED_MODELS and path.is_file() else None


@st.dialog("Model card", width="large")
def show_card(path: Path) -> None:
    """Open a card over the page; its pictures lie in the same folder."""
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


def show_about(entry: ModelEntry) -> None:
    """Draw what a model says of itself. An uploaded one may say anything, so none of it is taken for Markdown."""
    info = entry.info
    st.markdown(f"**{plain(info.name)}**")
    scores = {label: info.scores[name] for name, label in SCORES.items() if name in info.scores}
    if scores:
        with st.container(horizontal=True, gap="medium"):
            for label, score in scores.items():
                st.metric(label, f"{score:.3f}", width="content")
        st.caption(_measured_on(info))
    else:
        st.caption("No scores recorded.")
    height, width = info.config.input_size
    size = "any size" if info.config.is_native else f"{size_of(width, height)} pixels"
    facts = {
        "Threshold": f"{info.threshold:.2f}",
        "Network": f"{count_parameters(info.config):,} parameters, {len(info.config.filters)} levels",
        "Input": f"{size}, {'grey' if info.config.channels == 1 else 'colour'}",
    }
    if not info.config.has_heads and info.config.classes == 1:
        facts["Predicts"] = "a mask alone: touching nuclei are separated by their shape, and some are merged"
    if info.config.has_heads:
        facts["Predicts"] = "mask, border and distance: touching nuclei are separated"
    if info.config.classes > 1:
        facts["Classes"] = str(info.config.classes)
    facts |= {label: _fact(info.provenance[name]) for name, label in ORIGIN.items() if info.provenance.get(name)}
    st.markdown("  \n".join(f":gray[{label}:] {plain(fact)}" for label, fact in facts.items()))


def _measured_on(info: ModelInfo) -> str:
    """Say on which images the scores were measured, since on others they would be others."""
    data = info.provenance.get("dataset")
    of = f" of “{plain(_fact(data))}”" if data else ""
    if info.provenance.get("scores_on") == "learned":
        return f"Measured on the images{of} that it learned from: on others it may be worth less."
    if earlier := info.provenance.get("scores_of"):
        where = (
            f"Measured as {plain(str(earlier))} on its validation images{of}, before it was trained on these as well."
        )
    else:
        where = f"Measured on the validation images{of}."
    return f"{where} Scores on different images cannot be compared; Evaluate scores two models on the same ones."


def _fact(value: object) -> str:
    if isinstance(value, dict):
        value = value.get("name", ", ".join(f"{name} {each}" for name, each in value.items()))
    text = str(value)
    # An ISO time, without what nobody reads.
    if re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d.*", text):
        return text[:16].replace("T", " ")
    return text if len(text) <= 200 else f"{text[:200]} …"
