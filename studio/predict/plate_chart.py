"""A plate as it lies on the bench: a square per well, in the colour of what was counted in it."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from unet.exports.wells import Well, place_of

# Of each measure: its title, what the colours mean, how it is written, and what it is multiplied by.
MEASURES = {
    "nuclei": ("Nuclei", "Each square is a well, its colour and number the nuclei of all its fields.", ".0f", 1),
    "per_field": ("Nuclei per field", "Each square is a well, its colour and number the nuclei per field.", ".1f", 1),
    "mean_area": ("Mean area", "Each square is a well, its colour and number the mean area in pixels.", ".0f", 1),
    "covered": ("Covered", "Each square is a well, its colour and number the percentage that is covered.", ".1f", 100),
}
# Squares are at most so large, and their numbers are written where they fit.
LARGEST = 56
MOST_COLUMNS_WITH_TEXT = 12


def plate_map(wells: Sequence[Well], measure: str) -> go.Figure:
    """Draw wells where they lie on the plate; those whose names are no places are left out.

    Parameters
    ----------
    wells : sequence of Well
    measure : str
        A key of ``MEASURES``.
    """
    title, _, written, times = MEASURES[measure]
    known = {place: well for well in wells if (place := place_of(well.well))}
    rows = sorted({row for row, _ in known}, key=lambda row: (len(row), row))
    columns = list(range(min(column for _, column in known), 1 + max(column for _, column in known))) if known else []
    values = [
        [times * getattr(known[row, column], measure) if (row, column) in known else None for column in columns]
        for row in rows
    ]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=[str(column) for column in columns],
            y=rows,
            colorscale="Cividis",  # the same to colour-blind eyes
            colorbar={"title": title, "thickness": 14},
            xgap=2,
            ygap=2,
            texttemplate=f"%{{z:{written}}}" if len(columns) <= MOST_COLUMNS_WITH_TEXT else None,
            hovertemplate=f"%{{y}}%{{x}}: %{{z:{written}}}<extra></extra>",
            hoverongaps=False,
        )
    )
    figure.update_layout(
        height=90 + LARGEST * max(1, len(rows)) * 2 // 3,
        margin={"l": 10, "r": 10, "t": 30, "b": 10},
        xaxis={"side": "top", "type": "category", "showgrid": False, "fixedrange": True},
        yaxis={"autorange": "reversed", "type": "category", "showgrid": False, "fixedrange": True},
    )
    return figure
