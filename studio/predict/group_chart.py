"""How a measurement of all nuclei differs between groups of images."""

from __future__ import annotations

import pandas as pd
import plotly.graph_objects as go

from studio.common.charts import COLORS, style
from unet.prediction.measure import COLUMNS

# Beyond this many, boxes are too thin to be told from one another; the table has them all.
MOST_GROUPS = 24
POINTS = 400  # nuclei of a group up to which each is drawn


def group_chart(nuclei: pd.DataFrame, column: str, theme: str | None) -> go.Figure:
    """Draw a box per group: median, quartiles, and the nuclei themselves where they are few.

    Parameters
    ----------
    nuclei : DataFrame
        Of all images, with the columns ``group`` and ``column``.
    column : str
        A measurement.
    theme : {"light", "dark"} or None
    """
    color = COLORS.get(theme or "light", COLORS["light"])["train"]
    figure = go.Figure()
    for group, rows in list(nuclei.groupby("group", sort=True))[:MOST_GROUPS]:
        figure.add_box(
            y=rows[column],
            name=str(group) or "all images" if nuclei["group"].nunique() == 1 else str(group) or "no group",
            boxpoints="all" if len(rows) <= POINTS else False,
            pointpos=0,
            jitter=0.6,
            marker={"color": color, "size": 4, "opacity": 0.5},
            line={"color": color},
            fillcolor="rgba(0,0,0,0)",
            showlegend=False,
        )
    style(figure)
    figure.update_yaxes(title=COLUMNS[column].title)
    figure.update_xaxes(type="category")
    return figure
