"""What a person may choose on the Predict page besides the threshold: image, page, preparation, objects.

All of it stands in the address: the keys of widgets are, at the same time, names there.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping

import streamlit as st

from studio.common.url_state import whole_number_in_address
from studio.predict.pipeline import Job, facts_of
from studio.predict.uploads import Upload
from unet.config import Separation
from unet.errors import ConfigError
from unet.io.pixel_size import PixelSize, read_pixel_size
from unet.models.registry import ModelEntry
from unet.prediction.grouping import check_pattern
from unet.preprocess.adjust import ImageAdjustments

THRESHOLD, IMAGE = "threshold", "image"
GROUPS = "groups"  # a pattern of image names
CHANNELS, INVERT, SCALE, PIXEL = "channels", "invert", "scale", "pixel"
# Channels that a person may choose from; a file may have more.
MOST_CHANNELS = 16


def choose_image(names: list[str]) -> str:
    """Draw the choice among several images, with buttons to the ones before and after."""
    # Of another set of images, perhaps; Streamlit would complain about a name that is no option.
    if st.session_state.get(IMAGE, names[0]) not in names:
        st.session_state[IMAGE] = names[0]
    place = names.index(st.session_state.get(IMAGE, names[0]))
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
    if pages <= 1:
        return 0
    with st.container(horizontal=True, vertical_alignment="center", gap="xsmall", width="content"):
        st.markdown("Page", width="content")
        page = whole_number_in_address(
            f"Page, 1 to {pages}", _page_key(upload), 1, pages, 1, width=110, label_visibility="collapsed"
        )
        st.markdown(f"of {pages}", width="content")
    return page - 1


def page_of(job: Job, upload: Upload) -> int:
    """Return the page that was chosen of an image, also while its widget is not on the page."""
    key = _page_key(upload)
    chosen = str(st.session_state.get(key, st.query_params.get(key, 1)))
    return min(max(int(chosen) if chosen.isdecimal() else 1, 1), facts_of(job, upload).pages) - 1


def _page_key(upload: Upload) -> str:
    return f"page-{upload.digest[:8]}"


# ---- preparation: part of the job, so it is read before anything is predicted ----------------------------------


def read_preparation() -> ImageAdjustments:
    """Return how images are to be prepared, by the address; what makes no sense there is left out."""
    wanted = st.query_params
    values = {}
    if channels := [int(each) - 1 for each in wanted.get(CHANNELS, "").split(",") if each.isdecimal()]:
        values["channels"] = tuple(channels[:3])
    if wanted.get(INVERT) == "1":
        values["invert"] = True
    try:
        if SCALE in wanted:
            values["scale"] = float(wanted[SCALE])
        return ImageAdjustments(**values)
    except (ValueError, ConfigError):
        return ImageAdjustments()


def write_preparation(preparation: ImageAdjustments) -> None:
    """Put a preparation into the address; for callbacks, after which all images are predicted so."""
    usual = ImageAdjustments()
    said = {
        CHANNELS: ",".join(str(channel + 1) for channel in preparation.channels),
        INVERT: "1",
        SCALE: f"{preparation.scale:g}",
    }
    for name, text in said.items():
        if getattr(preparation, name) != getattr(usual, name):
            st.query_params[name] = text
        elif name in st.query_params:
            del st.query_params[name]


def choose_preparation(job: Job, channels: int) -> None:
    """Draw how images are prepared; a change predicts them anew."""
    now = job.preparation
    options = list(range(min(channels, MOST_CHANNELS)))
    # Set here, since advice, a link or the choice of one channel may have changed them.
    st.session_state["choice_channels"] = [channel for channel in now.channels if channel in options]
    st.session_state["choice_invert"] = now.invert
    if channels > 1:
        st.pills(
            "Channels shown and given to the model",
            options,
            selection_mode="multi",
            format_func=lambda channel: str(channel + 1),
            key="choice_channels",
            on_change=_changed,
            args=(now, CHANNELS),
            help="Up to three; one of them is taken as grey. None chosen: by what they show.",
        )
    fields = {item.name: item.metadata for item in dataclasses.fields(ImageAdjustments)}
    st.toggle(
        "Invert the contrast",
        key="choice_invert",
        on_change=_changed,
        args=(now, INVERT),
        help=fields["invert"]["help"],
    )
    if job.entry.info.config.is_native:
        st.session_state["choice_scale"] = now.scale
        st.number_input(
            "Scale for the model",
            fields["scale"]["low"],
            fields["scale"]["high"],
            step=0.1,
            key="choice_scale",
            on_change=_changed,
            args=(now, SCALE),
            help=fields["scale"]["help"],
        )


def _changed(now: ImageAdjustments, name: str) -> None:
    value = st.session_state[f"choice_{name}"]
    if name == CHANNELS:
        value = tuple(value[-3:])
    write_preparation(dataclasses.replace(now, **{name: value}))


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
        help="For measurements in µm and the scale bar. 0: what the file says, if it does.",
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


# ---- objects ---------------------------------------------------------------------------------------------------


def choose_separation(entry: ModelEntry, is_new: bool) -> Separation:
    """Draw what counts as one object; the model's own settings are where it begins."""
    own = entry.info.separation
    fields = {item.name: item.metadata for item in dataclasses.fields(Separation)}
    linked = _from_an_earlier_link(fields)

    def common(name: str) -> dict:
        # A value that was just put into the session state must not meet a default beside it.
        start = {} if (is_new or name in linked) and name in st.session_state else {"value": getattr(own, name)}
        return {"key": name, "bind": "query-params", "help": fields[name]["help"], **start}

    def bounds(name: str) -> tuple:
        return fields[name]["low"], fields[name]["high"]

    separate = st.toggle("Separate touching nuclei", **common("separate"))
    fill_holes = st.toggle("Fill holes", **common("fill_holes"))
    clear_edge = st.toggle("Leave out nuclei at the image's edge", **common("clear_edge"))
    area = whole_number_in_address(
        "Minimum area (px)", "min_area", *bounds("min_area"), own.min_area, step=5, help=fields["min_area"]["help"]
    )
    with st.expander("How touching nuclei are separated", icon=":material/call_split:", key="separation_settings"):
        valley = st.slider(
            "Minimum depth of the valley between two nuclei", *bounds("min_valley_depth"), step=0.01,
            disabled=not separate, **common("min_valley_depth"),
        )  # fmt: skip
        peak = st.slider(
            "Minimum certainty of a nucleus' shape", *bounds("min_peak_distance"), step=0.01,
            disabled=not separate or not entry.info.config.has_heads, **common("min_peak_distance"),
        )  # fmt: skip
    return Separation(separate, valley, peak, area, fill_holes, clear_edge)


def _from_an_earlier_link(fields: Mapping[str, Mapping]) -> set[str]:
    """Take over what a link of an earlier version says under former names; return the names that fields have now."""
    taken = set()
    for name, metadata in fields.items():
        text = st.query_params.get(metadata["formerly"]) if name not in st.session_state else None
        with contextlib.suppress(TypeError, ValueError):
            if metadata["low"] <= (value := float(text)) <= metadata["high"]:
                st.session_state[name] = value
                taken.add(name)
    return taken


def separation_now(entry: ModelEntry) -> Separation:
    """Return what counts as one object by the widgets as they stand, or as the model has it."""
    own = entry.info.separation
    return dataclasses.replace(
        own, **{name: st.session_state[name] for name in own.to_dict() if name in st.session_state}
    )


# ---- threshold -------------------------------------------------------------------------------------------------


def threshold_now(entry: ModelEntry, name: str = THRESHOLD) -> float:
    """Return the threshold that the address says under a name, or the model's own."""
    try:
        threshold = round(float(st.query_params[name]), 2)
    except (KeyError, ValueError):
        threshold = -1.0
    return threshold if 0 <= threshold <= 1 else own_threshold(entry)


def own_threshold(entry: ModelEntry) -> float:
    """Return the model's own threshold, to two decimals as the slider has it."""
    return round(entry.info.threshold, 2)


def set_threshold(threshold: float, name: str = THRESHOLD) -> None:
    """Put a threshold into the address; for callbacks."""
    st.query_params[name] = f"{threshold:.2f}"


def model_has_changed(entry: ModelEntry, model: str) -> bool:
    """Put threshold and separation to the model's own when another model is chosen; those from a link stay."""
    before = st.session_state.get("threshold_of", model)
    st.session_state["threshold_of"] = model
    if before != model:
        set_threshold(own_threshold(entry))
        for name, value in entry.info.separation.to_dict().items():
            st.session_state[name] = value
        st.query_params["min_area"] = str(entry.info.separation.min_area)
    return before != model
