"""One image of an evaluation: which nuclei were matched, missed, merged and split."""

from __future__ import annotations

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from studio.common.open_models import model_digest, open_model
from studio.common.text import plain, short, told
from studio.evaluate.image_picker import Labelled
from unet import render
from unet.config import Separation
from unet.errors import UnetError
from unet.evaluation.outcomes import ImageOutcome, show_outcome
from unet.models.registry import ModelEntry
from unet.preprocess.resize import resize_image, resize_labels
from unet.settings import Settings

LONGEST = 900
# Of each side's outcome: name in Outcomes, title, colour of Okabe and Ito's palette. Outlines of the truth are drawn
# over those of what was found.
FOUND = (
    ("matched_found", "matched", render.GREEN),
    ("false", "false", render.YELLOW),
    ("merged", "merged", render.PURPLE),
    ("fragments", "fragments of split ones", render.SKY),
)
TRUTH = (("missed", "missed", render.VERMILION), ("split", "split", render.BLUE))


def show_image(
    entry: ModelEntry,
    labelled: Labelled,
    sample: str,
    threshold: float,
    separation: Separation,
    settings: Settings,
    title: str = "",
) -> None:
    """Draw an image with the outline of each nucleus in the colour of what became of it, and their numbers.

    ``title`` says whose result it is, where there are several.
    """
    try:
        with st.spinner("Predicting …"):
            image = f"{labelled.dataset.fingerprint}/{sample}"
            key = Key(image, model=model_digest(entry), threshold=threshold, separation=separation)
            picture, counts = _drawn(key, sample, entry, labelled, settings)
    except UnetError as error:
        st.error(told(error), icon=":material/error:")
        return
    words = ", ".join(f"{number} {title}" for (_, title, _), number in zip((*FOUND, *TRUTH), counts, strict=True))
    st.image(picture, alt=f"{sample}{title and f', {title}'}: {words}")
    whose = f"**{title}**: " if title else ""
    st.caption(f"{whose}{plain(short(sample, 40))} at threshold {threshold:.2f}, matched at IoU .5:")
    st.html(_legend(counts))


@st.cache_data(max_entries=24, show_spinner=False)
def _drawn(
    key: Key, sample: str, _entry: ModelEntry, _labelled: Labelled, _settings: Settings
) -> tuple[bytes, list[int]]:
    model = open_model(_entry, key.model)
    shown = show_outcome(model, _labelled.dataset, sample, _settings, *key.decided)
    counts = [len(getattr(shown.outcomes, name)) for name, _, _ in (*FOUND, *TRUTH)]
    return render.png(draw(shown)), counts


def draw(shown: ImageOutcome) -> np.ndarray:
    """Return the image with outlines, (height, width, 3) uint8, its longer side at most 900 pixels."""
    height, width = shown.truth.shape
    scale = LONGEST / max(height, width)
    # Small images are enlarged, so that an outline does not hide a nucleus.
    size = (max(1, round(height * scale)), max(1, round(width * scale)))
    picture = resize_image(render.rgb(shown.image), size)
    found, truth = resize_labels(shown.found, size), resize_labels(shown.truth, size)
    for labels, kinds in ((found, FOUND), (truth, TRUTH)):
        for name, _, color in kinds:
            ids = getattr(shown.outcomes, name)
            picture = render.draw_outline(picture, np.where(np.isin(labels, ids), labels, 0), color, width=2)
    return picture


def _legend(counts: list[int]) -> str:
    parts = []
    for (_, title, color), number in zip((*FOUND, *TRUTH), counts, strict=True):
        swatch = f"display:inline-block;width:.8em;height:.8em;border:.2em solid rgb{color};margin-right:.35em"
        parts.append(f'<span style="white-space:nowrap"><span style="{swatch}"></span>{number} {title}</span>')
    return f'<div style="font-size:.875rem;line-height:1.9">{", ".join(parts)}</div>'
