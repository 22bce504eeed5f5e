"""Several runs over each other: their curves, in what their settings differ, and how TensorBoard shows them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from studio.common.charts import CONFIG, METRICS, style
from studio.common.text import plain, unique_names
from unet.errors import RunError
from unet.runs.compare import differences, tensorboard_command
from unet.runs.notes import title_of
from unet.runs.run import Run
from unet.runs.state import Metrics, RunInfo

MOST = 8
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot", "solid", "dash")


def show_side_by_side(runs: Sequence[Run]) -> None:
    """Draw the choice of runs, and of two or more that are chosen, what sets them apart."""
    names = {run.name: run for run in runs}
    chosen = st.multiselect(
        "Compare runs",
        list(names),
        format_func=lambda name: title_of(names[name]),
        max_selections=MOST,
        key="compared_runs",
        placeholder="Choose two or more",
    )
    known: list[tuple[Run, RunInfo]] = []
    for name in chosen:
        with suppress(RunError):  # a damaged one has no settings to compare
            known.append((names[name], names[name].info()))
    if len(known) < 2:
        return
    titles = unique_names(title_of(run) for run, _ in known)
    metric = st.segmented_control(
        "What is drawn",
        list(METRICS),
        default="dice",
        required=True,
        format_func=METRICS.__getitem__,
        key="compared_metric",
        label_visibility="collapsed",
    )
    curves = side_by_side([run.metrics() for run, _ in known], titles, metric)
    st.plotly_chart(curves, config=CONFIG, key="compared_curves")
    st.caption(
        f"{METRICS[metric]} on each run's own validation images by epoch. They can be compared where the dataset and "
        "its split are the same."
    )
    rows = differences([info for _, info in known])
    if rows:
        words = [[_word(value) for value in values] for values in rows.values()]
        frame = pd.DataFrame(words, columns=titles)
        frame.insert(0, "Setting", [name.replace("_", " ") for name in rows])
        st.dataframe(frame, hide_index=True, key="compared_settings")
    else:
        st.caption(f"All settings of {' and '.join(map(plain, titles))} are the same.")
    st.caption("The same in TensorBoard, where this program is installed:")
    st.code(tensorboard_command([(run.name, run.tensorboard) for run, _ in known]), language=None, wrap_lines=True)


def _word(value: object) -> str:
    return " ".join(map(str, value)) if isinstance(value, tuple) else str(value)


def side_by_side(metrics: Sequence[Metrics], titles: Sequence[str], name: str) -> go.Figure:
    """Draw a metric of several runs on their validation images, over the epochs.

    Parameters
    ----------
    metrics : sequence of Metrics
    titles : sequence of str
        What each run is called.
    name : str
        A key of ``METRICS``.
    """
    figure = go.Figure()
    for each, title, dash in zip(metrics, titles, DASHES, strict=False):
        figure.add_scatter(
            x=[row["epoch"] for row in each.epochs],
            y=[row.get(f"val_{name}") for row in each.epochs],
            mode="lines+markers",
            name=title[:40].replace("<", "‹"),  # Plotly reads names as HTML
            line={"dash": dash, "width": 2.5},
            marker={"size": 5},
            hovertemplate="%{y:.4f}",
        )
    style(figure)
    figure.update_xaxes(title="epoch")
    if name != "loss":
        figure.update_yaxes(range=[None, 1.0])
    figure.update_layout(hovermode="x unified", showlegend=True)
    return figure
