"""The charts of the Evaluate page: scores over the probability threshold, and over the IoU required for a match."""

from __future__ import annotations

from collections.abc import Sequence

import plotly.graph_objects as go

from studio.common.charts import COLORS, CONFIG, HUES, style
from unet.evaluation.evaluate import Evaluation
from unet.evaluation.matching import IOU_THRESHOLDS

__all__ = ["CONFIG", "REFERENCE_WORDS", "overlap_curve", "threshold_curve"]

# Schmidt et al., "Cell Detection with Star-convex Polygons", MICCAI 2018, table 1: average precision at IoU .5 on
# their selection of fluorescence images of the 2018 Data Science Bowl.
REFERENCES = {"U-Net, 2 classes": 0.67, "U-Net, 3 classes": 0.81, "Mask R-CNN": 0.83, "StarDist": 0.86}
# Pixels by which the names of near ones are moved apart.
APART = {"U-Net, 3 classes": -8, "StarDist": 8}
REFERENCE_WORDS = (
    "Grey: results at IoU .5 of the StarDist paper (Schmidt et al., 2018, table 1), fluorescence only; another split "
    "of the data, for orientation."
)
# The fingerprint of stage1_train as it is published: on other images these results say nothing.
STAGE1 = "b01f49f91fc63c7acaffae1c53e63f71"
GREY = HUES["light"][-1]
DASHES = ("solid", "dash", "dot", "dashdot", "longdash")
SYMBOLS = ("circle", "x", "cross", "square", "diamond")
# Name in the curve: title, dash and, where there is one model only, a colour of Okabe and Ito's.
LINES = {
    "competition": ("Competition score", "solid", 0),
    "average_precision": ("AP at IoU .5", "dash", 1),
    "dice": ("Dice", "dot", 2),
    "iou": ("IoU", "dashdot", 3),
    "count_error": ("Count error", "longdash", 4),
}


def threshold_curve(
    evaluations: Sequence[Evaluation], names: Sequence[str], threshold: float, theme: str | None, score: str
) -> go.Figure:
    """Draw scores over the probability threshold: all of them of one model, but only one of several, to compare them.

    Of each model the best competition score is marked, where that is drawn, and the chosen threshold.
    """
    several = len(names) > 1
    figure = go.Figure()
    for place, (evaluation, name) in enumerate(zip(evaluations, names, strict=True)):
        curve = evaluation.curve()
        for key, (title, dash, own) in LINES.items():
            if several and key != score:
                continue
            # A count error has no upper bound; beyond 1 it would squeeze all else.
            figure.add_scatter(
                x=curve["threshold"],
                y=curve[key].clip(upper=1),
                mode="lines",
                name=name if several else title,
                line={
                    "color": _hue(theme, place if several else own),
                    "width": 3 if several or key == "competition" else 2,
                    "dash": DASHES[place] if several else dash,
                },
                hovertemplate="%{y:.3f}",
            )
        if several and score != "competition":
            continue
        best = evaluation.best_threshold()
        figure.add_scatter(
            x=[best],
            y=[evaluation.scores(best).competition],
            mode="markers",
            showlegend=False,
            marker={"symbol": "star", "size": 14, "color": _hue(theme, place)},
            hoverinfo="skip",
        )
    figure.add_vline(x=threshold, line={"color": _colors(theme)["best"], "width": 1, "dash": "dot"})
    style(figure, height=360)
    figure.update_xaxes(title="probability threshold", range=[0, 1], dtick=0.1)
    figure.update_yaxes(range=[0, 1.02])
    figure.update_layout(hovermode="x unified")
    return figure


def overlap_curve(
    evaluations: Sequence[Evaluation], names: Sequence[str], threshold: float, theme: str | None, fingerprint: str
) -> go.Figure:
    """Draw the pooled average precision over the IoU threshold: of one model also that of each stain alone.

    The dataset's fingerprint decides on whether published results are drawn beside it.
    """
    figure = go.Figure()
    for place, (evaluation, name) in enumerate(zip(evaluations, names, strict=True)):
        at = threshold if place == 0 else evaluation.threshold
        known = evaluation.stains() if len(names) == 1 else []
        stains = [None, *(known if len(known) > 1 else [])]
        for own, (stain, dash) in enumerate(zip(stains, DASHES, strict=False)):
            figure.add_scatter(
                x=IOU_THRESHOLDS,
                y=evaluation.scores(at, stain).average_precision,
                mode="lines+markers",
                name=name if len(names) > 1 else stain or "all images",
                line={
                    "color": _hue(theme, own + place),
                    "width": 3 if stain is None else 2,
                    "dash": dash if len(names) == 1 else DASHES[place],
                },
                marker={"symbol": SYMBOLS[own + place]},
                hovertemplate="%{y:.3f}",
            )
    for name, value in REFERENCES.items() if fingerprint == STAGE1 else ():
        figure.add_scatter(
            x=[0.5],
            y=[value],
            mode="markers",
            marker={"symbol": "line-ew-open", "size": 14, "color": GREY, "line": {"width": 2}},
            name=name,
            showlegend=False,
            hovertemplate=f"{name}: %{{y:.2f}} (other data split)<extra></extra>",
        )
        figure.add_annotation(
            x=0.5,
            y=value,
            text=name,
            showarrow=False,
            xanchor="right",
            xshift=-12,
            yshift=APART.get(name, 0),
            font={"size": 10, "color": GREY},
        )
    style(figure, height=360)
    figure.update_xaxes(title="IoU required for a match", range=[0.36, 0.97], tickvals=IOU_THRESHOLDS[::2])
    figure.update_yaxes(range=[0, 1.02])
    return figure


def _colors(theme: str | None) -> dict[str, str]:
    return COLORS.get(theme or "light", COLORS["light"])


def _hue(theme: str | None, place: int) -> str:
    return HUES.get(theme or "light", HUES["light"])[place]
