"""What a person may turn on the Predict page: image, page, threshold, opacity. All of it stands in the address."""

from __future__ import annotations

import dataclasses

import streamlit as st

from studio import viewer
from studio.predictions import Job, facts_of
from studio.uploads import Upload
from unet.config import Separation

# Keys of widgets and, at the same time, names in the address.
THRESHOLD, OPACITY, IMAGE = "threshold", "opacity", "image"
OPACITY_AT_FIRST = 0.4


def choose_image(names: list[str]) -> str:
    """Draw the choice among several images, with buttons to the ones before and after."""
    # Of another set of images, perhaps; Streamlit would complain about a name that is no option.
    if st.session_state.get(IMAGE, names[0]) not in names:
        st.session_state[IMAGE] = names[0]
    name = st.selectbox("Image", names, key=IMAGE, bind="query-params")
    place = names.index(name)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for step, words, icon, side in (
            (-1, "Previous", "chevron_left", "left"),
            (1, "Next", "chevron_right", "right"),
        ):
            st.button(
                words,
                icon=f":material/{icon}:",
                icon_position=side,
                type="tertiary",
                key=f"image_{words.lower()}",
                disabled=not 0 <= place + step < len(names),
                on_click=_go_to,
                args=(names[(place + step) % len(names)],),
            )
    return name


def _go_to(name: str) -> None:
    st.session_state[IMAGE] = name


def choose_page(job: Job, upload: Upload) -> int:
    """Draw the choice of a page where there are several; return it, from 0."""
    pages = facts_of(job, upload).pages
    if pages <= 1:
        return 0
    key = _page_key(upload)
    return st.number_input(f"Page, 1 to {pages}", 1, pages, 1, key=key, bind="query-params") - 1


def choose_threshold(job: Job, is_new: bool) -> float:
    """Draw the threshold's slider and say where the model's own one is."""
    own = _own_threshold(job)
    # A value that was just put into the session state must not meet a default beside it.
    value = {} if is_new and THRESHOLD in st.session_state else {"value": own}
    threshold = st.slider(
        "Threshold",
        0.0,
        1.0,
        step=0.01,
        key=THRESHOLD,
        bind="query-params",
        help="Pixels with a probability above it are taken for nucleus. Lower finds more, higher is surer.",
        **value,
    )
    if threshold == own:
        st.caption(f"{own:.2f} is the model's own.")
    else:
        st.caption(f"The model's own is {own:.2f}.")
    return threshold


def choose_opacity(view: str) -> float:
    """Draw the opacity's slider where a view has use for it; elsewhere return where it last stood."""
    if view not in viewer.WITH_OPACITY:
        return st.session_state.get("last_opacity", OPACITY_AT_FIRST)
    opacity = st.slider(
        "Opacity",
        0.0,
        1.0,
        OPACITY_AT_FIRST,
        step=0.05,
        key=OPACITY,
        bind="query-params",
        help="Of the mask over the image. 0 leaves the outlines.",
    )
    st.session_state["last_opacity"] = opacity
    return opacity


def choose_separation(job: Job, is_new: bool) -> Separation:
    """Draw how touching nuclei are told apart; the model's own settings are where it begins."""
    own = job.entry.info.separation
    fields = {item.name: item.metadata for item in dataclasses.fields(Separation)}

    def common(name: str) -> dict:
        start = {} if is_new and name in st.session_state else {"value": getattr(own, name)}
        return {"key": name, "bind": "query-params", "help": fields[name]["help"], **start}

    separate = st.toggle("Tell touching nuclei apart", **common("separate"))
    with st.expander("Separation", icon=":material/call_split:", key="separation_settings"):
        depth = st.slider(
            "Depth of the valley between two nuclei",
            fields["depth"]["low"],
            fields["depth"]["high"],
            step=0.01,
            disabled=not separate,
            **common("depth"),
        )
        heart = st.slider(
            "Least certainty of a nucleus' shape",
            fields["heart"]["low"],
            fields["heart"]["high"],
            step=0.01,
            disabled=not separate or not job.entry.info.config.has_heads,
            **common("heart"),
        )
        area = st.number_input(
            "Least area, in pixels", fields["min_area"]["low"], fields["min_area"]["high"], step=5, **common("min_area")
        )
    return Separation(separate, depth, heart, area)


def model_has_changed(job: Job) -> bool:
    """Put threshold and separation to the model's own when another model is chosen; those from a link stay."""
    before = st.session_state.get("threshold_of", job.model)
    st.session_state["threshold_of"] = job.model
    if before != job.model:
        st.session_state[THRESHOLD] = _own_threshold(job)
        for name, value in job.entry.info.separation.to_dict().items():
            st.session_state[name] = value
    return before != job.model


def _own_threshold(job: Job) -> float:
    return round(job.entry.info.threshold, 2)


def page_of(job: Job, upload: Upload) -> int:
    """Return the page that was chosen of an image, also while its widget is not on the page."""
    key = _page_key(upload)
    chosen = str(st.session_state.get(key, st.query_params.get(key, 1)))
    return min(max(int(chosen) if chosen.isdecimal() else 1, 1), facts_of(job, upload).pages) - 1


def _page_key(upload: Upload) -> str:
    return f"page-{upload.digest[:8]}"
