"""What counts as one nucleus: the settings of the separation. The keys of the widgets are the names in the address."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Mapping

import streamlit as st

from studio.common.parameters import MIN_AREA
from studio.common.url_state import whole_number_in_address
from unet.config import Separation
from unet.models.registry import ModelEntry


def choose_separation(entry: ModelEntry, is_new: bool) -> Separation:
    """Draw what counts as one object; the model's own settings are where it begins."""
    own = entry.info.separation
    fields = {item.name: item.metadata for item in dataclasses.fields(Separation)}
    linked = _from_an_earlier_link(fields)

    def common(name: str) -> dict:
        # A value that was just put into the session state must not come with a default as well.
        start = {} if (is_new or name in linked) and name in st.session_state else {"value": getattr(own, name)}
        return {"key": name, "bind": "query-params", "help": fields[name]["help"], **start}

    def bounds(name: str) -> tuple[float, float]:
        return fields[name]["low"], fields[name]["high"]

    separate = st.toggle("Separate touching nuclei", **common("separate"))
    fill_holes = st.toggle("Fill holes", **common("fill_holes"))
    clear_edge = st.toggle("Leave out nuclei at the image's edge", **common("clear_edge"))
    of_area = fields[MIN_AREA]
    area = whole_number_in_address(
        "Minimum area (px)",
        MIN_AREA,
        of_area["low"],
        of_area["high"],
        own.min_area,
        step=5,
        help=of_area["help"],
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
        with contextlib.suppress(ValueError):
            if text and metadata["low"] <= (value := float(text)) <= metadata["high"]:
                st.session_state[name] = value
                taken.add(name)
    return taken


def separation_now(entry: ModelEntry) -> Separation:
    """Return what counts as one object by the widgets as they stand, or as the model has it."""
    own = entry.info.separation
    return dataclasses.replace(
        own, **{name: st.session_state[name] for name in own.to_dict() if name in st.session_state}
    )
