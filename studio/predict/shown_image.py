"""Which image and page is looked at, how large its pixels are, and how images are grouped."""

from __future__ import annotations

import streamlit as st

from studio.common.parameters import GROUPS, IMAGE, PIXEL
from studio.predict.pipeline import Job, facts_of
from studio.predict.stack import choose_plane, page_now
from studio.predict.uploads import Upload
from unet.errors import ConfigError
from unet.io.pixel_size import PixelSize, read_pixel_size
from unet.prediction.grouping import check_pattern


def choose_image(names: list[str]) -> str:
    """Draw the choice among several images, with buttons to the ones before and after."""
    # Of another set of images, perhaps; Streamlit would complain about a name that is not an option.
    if st.session_state.get(IMAGE, names[0]) not in names:
        st.session_state[IMAGE] = names[0]
    # Before its first run the widget has not told yet what the address says.
    chosen = st.session_state.get(IMAGE, st.query_params.get(IMAGE))
    place = names.index(chosen) if chosen in names else 0
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width=480):
        _step("Previous", names, place - 1, "chevron_left")
        name = st.selectbox("Image", names, key=IMAGE, bind="query-params", label_visibility="collapsed")
        _step("Next", names, names.index(name) + 1, "chevron_right")
    return name


def _step(words: str, names: list[str], place: int, icon: str) -> None:
    st.button(
        words,
        icon=f":material/{icon}:",
        icon_position="left" if words == "Previous" else "right",
        type="tertiary",
        key=f"image_{words.lower()}",
        disabled=not 0 <= place < len(names),
        on_click=go_to,
        args=(names[place % len(names)],),
    )


def go_to(name: str) -> None:
    """Choose an image; for callbacks."""
    st.session_state[IMAGE] = name


def choose_page(job: Job, upload: Upload) -> int:
    """Draw the choice of a page where there are several; return it, from 0."""
    pages = facts_of(job, upload).pages
    return choose_plane(upload, pages) if pages > 1 else 0


def page_of(job: Job, upload: Upload) -> int:
    """Return the page that was chosen of an image, also while its slider is not on the page."""
    return page_now(upload, facts_of(job, upload).pages)


def choose_pixel_size(upload: Upload) -> PixelSize | None:
    """Draw how large a pixel is: what the file says, unless a person says otherwise."""
    own = _own_pixel_size(upload.digest, upload)
    st.number_input(
        "Pixel size, µm",
        0.0,
        1000.0,
        step=0.01,
        format="%.4g",
        key=PIXEL,
        bind="query-params",
        help="For measurements in µm and the scale bar. 0: what the file says, if anything.",
    )
    st.caption(f"The file says {own.x:.4g} µm." if own else "No pixel size in the file.")
    return pixel_size_for(upload)


def pixel_size_for(upload: Upload) -> PixelSize | None:
    """Return how large a pixel of an image is: what a person says for all, else what its file says."""
    said = st.session_state.get(PIXEL) or 0.0
    return PixelSize(said, said) if said else _own_pixel_size(upload.digest, upload)


@st.cache_data(max_entries=256, show_spinner=False)
def _own_pixel_size(digest: str, _upload: Upload) -> PixelSize | None:
    return read_pixel_size(_upload.path)


def read_groups() -> str:
    """Return the pattern by which images are grouped, by the address; what makes no sense there is left out."""
    try:
        return check_pattern(st.query_params.get(GROUPS, ""))
    except ConfigError:
        return ""
