"""The validation previews of a run: the same few images after each epoch."""

from __future__ import annotations

import base64
import io

import numpy as np
import streamlit as st
from PIL import Image

from studio.common.parameters import AT, MODEL
from unet.models.registry import run_key
from unet.render import PREDICTED, TRUTH, draw_outline, heatmap, overlay
from unet.runs.run import Run

SIDE = 288  # pixels: about as wide as a picture gets on the page
GAP = 6
VIEWS = ("Probability", "Mask")


def show_previews(run: Run) -> None:
    """Draw the previews of one epoch, with a slider that follows the newest epoch until somebody chooses one."""
    previews = run.previews()
    epochs = sorted(set.intersection(*(set(preview.epochs) for preview in previews))) if previews else []
    st.header("Watch it learn", anchor=False)
    if not epochs:
        st.caption("Here the same few validation images appear after each epoch.")
        return
    if run.film.is_dir() and run.model_folder:
        layers = {MODEL: run_key(run.name), AT: "~0~0~0~learning"}
        st.page_link("pages/inside.py", label="See its layers learn", icon=":material/layers:", query_params=layers)
    chosen, side = st.columns([3, 1], vertical_alignment="bottom")
    with side:
        view = st.segmented_control("View", VIEWS, default=VIEWS[0], required=True, key="preview_view")
    with chosen:
        epoch = _choose_epoch(run.name, epochs)
    with st.grid(4, min_column_width=150):
        for preview in previews:
            try:
                image, truth = preview.image.read_bytes(), preview.truth.read_bytes()
                picture = _picture(image, truth, preview.epochs[epoch].read_bytes(), view == "Mask")
            except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):  # all that Pillow says of damage
                st.caption(f"The preview of validation image {preview.index + 1} cannot be read.")
                continue
            st.image(
                picture,
                width="stretch",
                alt=f"Validation image {preview.index + 1} with the outline of its mask, and below it the "
                f"{view.lower()} after epoch {epoch}",
            )
    below = (
        "the probability map (yellow: surely nucleus, violet: surely background)"
        if view == "Probability"
        else "the predicted mask at threshold 0.5, in orange"
    )
    st.caption(f"Above: validation images with the outlines of their masks, in blue. Below: {below}.")


def _choose_epoch(name: str, epochs: list[int]) -> int:
    key, newest = f"epoch-{name}", f"newest-{name}"
    # The slider stands at the newest epoch, and goes along with it, until somebody moves it back. It forgets where it
    # stood when it was not drawn for a while.
    stands = st.session_state.get(key)
    if stands not in epochs or stands >= st.session_state.get(newest, 0):
        st.session_state[key] = epochs[-1]
    st.session_state[newest] = epochs[-1]
    if len(epochs) == 1:
        st.caption(f"After epoch {epochs[0]}")
        return epochs[0]
    return st.select_slider("After epoch", epochs, key=key)


@st.cache_data(max_entries=512, show_spinner=False)
def _picture(image: bytes, truth: bytes, probability: bytes, as_mask: bool) -> str:
    """Stack an image with the true outlines on what was predicted for it; return the picture as a data URL.

    A picture with an address of its own could be replaced on the server, by that of the next epoch, before the browser
    has fetched it.
    """
    shown, wanted, found = (Image.open(io.BytesIO(file)) for file in (image, truth, probability))
    scale = max(1, round(SIDE / max(shown.size)))
    size = (shown.width * scale, shown.height * scale)
    smooth = np.asarray(shown.convert("RGB").resize(size, Image.Resampling.BICUBIC))
    above = draw_outline(smooth, np.asarray(wanted.resize(size, Image.Resampling.NEAREST)), TRUTH, width=2)
    map_ = np.asarray(found.resize(size, Image.Resampling.BILINEAR), np.float32) / 255
    below = overlay(smooth, map_ > 0.5, PREDICTED, 0.35) if as_mask else heatmap(map_)
    # The page's own background, whichever theme it has, shows through between the two.
    stacked = Image.new("RGBA", (size[0], 2 * size[1] + GAP))
    stacked.paste(Image.fromarray(above))
    stacked.paste(Image.fromarray(below), (0, size[1] + GAP))
    file = io.BytesIO()
    stacked.save(file, format="WEBP", quality=90)
    return f"data:image/webp;base64,{base64.b64encode(file.getvalue()).decode()}"
