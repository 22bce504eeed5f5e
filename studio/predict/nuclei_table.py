"""The nuclei of one image: a table linked with the viewer, and distributions whose range filters them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from studio.common.charts import COLORS, CONFIG, style
from studio.common.parameters import KEEP
from unet.errors import ConfigError
from unet.prediction.filters import Ranges, kept_rows, parse_range, write_range
from unet.prediction.marker import MEAN, POSITIVE
from unet.prediction.measure import CALIBRATED, COLUMNS
from unet.prediction.regions import COUNT, NAMES

SELECTED, FIRST = "nucleus", "first_nucleus"
BINS = 40
FIRST_COLUMNS = ("corrected", POSITIVE, MEAN, NAMES)  # what a person has decided or drawn

# ---- the filter ------------------------------------------------------------------------------------------------


def read_ranges() -> Ranges:
    """Return the ranges that the address says, by column; what makes no sense there is left out."""
    ranges = {}
    for part in st.query_params.get(KEEP, "").split(","):
        with suppress(ConfigError):
            name, ends = parse_range(part)
            ranges[name] = ends
    return ranges


def write_ranges(ranges: Ranges) -> None:
    """Put ranges into the address."""
    if ranges:
        st.query_params[KEEP] = ",".join(write_range(name, *ends) for name, ends in ranges.items())
    elif KEEP in st.query_params:
        del st.query_params[KEEP]


# ---- the selection ---------------------------------------------------------------------------------------------


def selected_nucleus(revision: str) -> int | None:
    """Return the number of the nucleus that is selected, of those that ``revision`` speaks of."""
    before = st.session_state.get(SELECTED)
    return before[1] if before and before[0] == revision else None


def select_nucleus(revision: str, number: int | None) -> None:
    """Select a nucleus from outside of the table, which is drawn anew with its row first; for callbacks."""
    st.session_state[SELECTED] = (revision, number)
    st.session_state[FIRST] = (revision, number)
    st.session_state["table_round"] = st.session_state.get("table_round", 0) + 1


def _row_selected(key: str, revision: str, numbers: list[int]) -> None:
    rows = st.session_state[key].selection.rows
    st.session_state[SELECTED] = (revision, numbers[rows[0]] if rows and rows[0] < len(numbers) else None)


# ---- drawing ---------------------------------------------------------------------------------------------------


def show_nuclei(frame: pd.DataFrame, ranges: Ranges, revision: str, corrected: Collection[int] = ()) -> None:
    """Draw the table of the nuclei that are kept, and the distribution of one of its columns.

    Parameters
    ----------
    frame : DataFrame
        As ``measure`` gives it, of all nuclei.
    ranges : dict
        What is kept.
    revision : str
        Changes when the numbers of the nuclei do.
    corrected : collection of int
        Nuclei that were corrected by hand, which are marked.
    """
    left, right = st.columns([3, 2], gap="large")
    with left:
        _table(frame[kept_rows(frame, ranges)], revision, corrected)
    with right:
        _distribution(frame, ranges)


def _table(frame: pd.DataFrame, revision: str, corrected: Collection[int]) -> None:
    if corrected:
        frame = frame.assign(corrected=frame["label"].isin(corrected))
    if POSITIVE in frame:
        frame = frame.assign(**{POSITIVE: frame[POSITIVE] > 0})
    first = st.session_state.get(FIRST)
    if first and first[0] == revision:  # where it can be seen: a table cannot be scrolled to a row from here
        frame = frame.sort_values("label", key=lambda numbers: numbers != first[1], kind="stable")
    numbers = frame["label"].tolist()
    chosen = selected_nucleus(revision)
    # One table for all thresholds, which is quicker than a new one; but a row that was chosen in it would stay so.
    if st.session_state.get(SELECTED, (revision,))[0] != revision:
        select_nucleus(revision, None)
    key = f"nuclei-{st.session_state.get('table_round', 0)}"
    rows = [numbers.index(chosen)] if chosen in numbers else []
    st.dataframe(
        frame,
        hide_index=True,
        height=360,
        column_config=_columns(frame),
        column_order=_in_order(frame),
        key=key,
        on_select=lambda: _row_selected(key, revision, numbers),
        selection_mode="single-row",
        selection_default={"selection": {"rows": rows}},
        alt=f"Measurements of {len(frame)} nuclei",
    )
    st.caption(
        f"Nucleus {chosen} is chosen; choose it again, or press Escape in the picture, to deselect it."
        if chosen
        else "Choose a row and its nucleus lights up above; click a nucleus and its row comes first."
    )


def _in_order(frame: pd.DataFrame) -> list[str]:
    """Micrometres first, where they are known."""
    return [
        "label",
        *(name for name in (*FIRST_COLUMNS, *CALIBRATED) if name in frame),
        *(name for name in frame if name not in ("label", COUNT, *FIRST_COLUMNS, *CALIBRATED)),
    ]


def _columns(frame: pd.DataFrame) -> Mapping:
    marked = {
        "corrected": st.column_config.CheckboxColumn("Corrected", help="Changed or added by hand."),
        POSITIVE: st.column_config.CheckboxColumn(COLUMNS[POSITIVE].title, help="By the mean of the chosen channel."),
        NAMES: st.column_config.TextColumn("Region", help="In which its centroid lies."),
    }
    return marked | {
        name: st.column_config.NumberColumn(
            COLUMNS[name].title, help=COLUMNS[name].help, format=_format(frame[name]), pinned=name == "label"
        )
        for name in frame
        if name not in marked
    }


def _format(values: pd.Series) -> str:
    if values.dtype.kind in "iu":
        return "%d"
    return "%.3f" if len(values) and values.abs().max() <= 1 else "%.1f"


def _distribution(frame: pd.DataFrame, ranges: Ranges) -> None:
    names = [name for name in frame if name in COLUMNS and name not in ("label", POSITIVE, COUNT)]
    name = st.selectbox(
        "Distribution of", names, format_func=lambda each: COLUMNS[each].title, key="distribution", bind="query-params"
    )
    values = frame[name].dropna()
    if len(values) < 2 or values.min() == values.max():
        st.caption("Too few nuclei to draw.")
        return
    key = f"brush-{name}"
    st.plotly_chart(
        histogram(values, COLUMNS[name].title, ranges.get(name), st.context.theme.type),
        config=CONFIG,
        key=key,
        on_select=lambda: _brushed(key, name),
        selection_mode="box",
        height=230,
        alt=f"Histogram of {COLUMNS[name].title} of {len(values)} nuclei",
    )
    _range_slider(name, values, ranges)
    if ranges:
        words = " · ".join(f"{COLUMNS[each].title} {low:g} to {high:g}" for each, (low, high) in ranges.items())
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f"Kept: {words}", width="stretch")
            st.button("Keep all", icon=":material/filter_alt_off:", key="keep_all", on_click=write_ranges, args=({},))


def _range_slider(name: str, values: pd.Series, ranges: Ranges) -> None:
    low, high = float(values.min()), float(values.max())
    now = ranges.get(name, (low, high))
    key = f"range-{name}-{now[0]:g}-{now[1]:g}-{low:g}-{high:g}"
    st.slider(
        "Keep from … to",
        low,
        high,
        (min(max(now[0], low), high), min(max(now[1], low), high)),
        step=(high - low) / 200,
        format="%.4g",
        key=key,
        on_change=lambda: _set_range(name, st.session_state[key], (low, high)),
        help="Nuclei outside the range are drawn faintly and left out of the table and exports. You can also draw "
        "a box over the bars.",
    )


def _brushed(key: str, name: str) -> None:
    boxes = st.session_state[key].selection.box
    if boxes:
        low, high = sorted(boxes[0]["x"])
        _set_range(name, (low, high), None)


def _set_range(name: str, wanted: tuple[float, float], whole: tuple[float, float] | None) -> None:
    ranges = read_ranges()
    if wanted == whole:
        ranges.pop(name, None)
    else:
        ranges[name] = (float(f"{wanted[0]:.6g}"), float(f"{wanted[1]:.6g}"))
    write_ranges(ranges)


def histogram(values: pd.Series, title: str, kept: tuple[float, float] | None, theme: str | None) -> go.Figure:
    """Draw how a measurement is distributed; the bars outside of the range that is kept are pale."""
    counts, edges = np.histogram(values, BINS)
    middles = (edges[:-1] + edges[1:]) / 2
    opacity = [1.0 if kept is None or kept[0] <= middle <= kept[1] else 0.3 for middle in middles]
    figure = go.Figure()
    figure.add_bar(
        x=middles,
        y=counts,
        width=np.diff(edges),
        marker={"color": COLORS.get(theme or "light", COLORS["light"])["train"], "opacity": opacity},
        hovertemplate="%{x:.4g}: %{y} nuclei<extra></extra>",
    )
    style(figure)
    figure.update_layout(dragmode="select", selectdirection="h", bargap=0, showlegend=False)
    figure.update_xaxes(title=title)
    figure.update_yaxes(title="nuclei")
    return figure
