"""Pictures of a dataset: images with the outlines of their masks, a page at a time."""

from __future__ import annotations

import random

import numpy as np
import streamlit as st
from PIL import Image

from studio.common.cache_key import Key
from studio.common.text import plain, size_of, told
from unet.datasets.inspection import read_labels
from unet.datasets.samples import DatasetReport, SampleReport
from unet.datasets.store import Dataset
from unet.errors import UnetError
from unet.io.images import read_image
from unet.render import TRUTH, draw_outline, rgb
from unet.settings import Settings

PAGE = 8
SIDE = 320  # pixels: as large as a picture gets in the grid, so that an outline is one pixel thin


@st.fragment
def show_gallery(dataset: Dataset, report: DatasetReport, settings: Settings) -> None:
    """Draw eight images of a dataset, with buttons for the next ones and for eight at random."""
    kinds = _kinds(report)
    with st.container(horizontal=True, vertical_alignment="center"):
        kind = st.segmented_control(
            "Which images",
            list(kinds),
            default=next(iter(kinds)),
            required=True,
            format_func=lambda name: f"{name} ({len(kinds[name]):,})",
            key="gallery_kind",
            label_visibility="collapsed",
        )
        shuffled = st.toggle("Shuffled", key="gallery_shuffled", help="Each page shows eight more images.")
    samples = kinds[kind]
    if shuffled:
        samples = random.Random(report.fingerprint).sample(samples, len(samples))
    pages = -(-len(samples) // PAGE)
    place = st.container()
    # Drawn below the pictures, but its value is needed above.
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        outlined = "" if kind == "To predict" else " Blue: the outline of each nucleus in the masks."
        st.caption(f"The middle of each image.{outlined}", width="content")
        page = st.pagination(pages, key=f"gallery_page_{kind}_{shuffled}") if pages > 1 else 1
    with place.grid(4, min_column_width=150):
        for sample in samples[(page - 1) * PAGE : page * PAGE]:
            _picture(dataset, sample, settings)


def _kinds(report: DatasetReport) -> dict[str, list[SampleReport]]:
    readable = [sample for sample in report.samples if sample.height]
    kinds = {
        "To train on": [sample for sample in readable if sample.use == "train"],
        "With remarks": [sample for sample in readable if sample.problems],
        "To predict": [sample for sample in readable if sample.use == "predict"],
    }
    return {name: samples for name, samples in kinds.items() if samples} or {"Images": []}


def _picture(dataset: Dataset, sample: SampleReport, settings: Settings) -> None:
    try:
        picture = thumbnail(dataset, sample.id, sample.use == "train", settings)
    except (UnetError, OSError) as error:
        st.warning(told(error), icon=":material/broken_image:")
        return
    what = f"{sample.nuclei} nuclei" if sample.use == "train" else sample.use
    short = sample.id if len(sample.id) <= 16 else f"{sample.id[:12]}…"
    st.image(
        picture,
        width="stretch",
        caption=f"{plain(short)}  \n{what} · {size_of(sample.width, sample.height)}",
        alt=f"Image {sample.id}, {sample.width} by {sample.height} pixels, {what}",
    )


def thumbnail(dataset: Dataset, sample_id: str, with_masks: bool, settings: Settings) -> np.ndarray:
    """Return a square picture (SIDE, SIDE, 3) uint8 of an image with the outlines of its masks."""
    return _thumbnail(Key(f"{dataset.fingerprint}/{sample_id}"), with_masks, sample_id, dataset, settings)


@st.cache_data(max_entries=512, show_spinner=False)
def _thumbnail(key: Key, with_masks: bool, sample_id: str, _dataset: Dataset, _settings: Settings) -> np.ndarray:
    path = next(sample.image for sample in _dataset.samples() if sample.id == sample_id)
    picture = Image.fromarray(rgb(read_image(path, max_megapixels=_settings.max_image_megapixels)))
    box = _centre(picture.size)
    # Reduced before the outlines are drawn: drawn first, they would be lost in a large image.
    small = np.asarray(picture.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
    if not with_masks:
        return small
    labels = Image.fromarray(read_labels(_dataset, sample_id).astype(np.int32))
    return draw_outline(small, np.asarray(labels.resize((SIDE, SIDE), Image.Resampling.NEAREST, box=box)), TRUTH)


def _centre(size: tuple[int, int]) -> tuple[float, float, float, float]:
    """The largest square in the middle of an image, as left, top, right, bottom."""
    width, height = size
    side = min(size)
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side
