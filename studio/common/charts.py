"""The Plotly charts: curves of a training, and what a dataset is made of."""

from __future__ import annotations

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import plotly.graph_objects as go

from studio.common.text import size_of

if TYPE_CHECKING:
    from unet.datasets.samples import DatasetReport
    from unet.runs.state import Metrics

# Okabe and Ito's colours and a grey, each in the shade that stands out from the theme's background.
HUES = {
    "light": ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#7A7A7A"),
    "dark": ("#56B4E9", "#E69F00", "#2BC79A", "#E29BC4", "#A8A8A8"),
}
INK = {"light": "#16212E", "dark": "#E8EEF4"}
COLORS = {theme: {"train": hues[0], "validation": hues[1], "best": INK[theme]} for theme, hues in HUES.items()}
METRICS = {"loss": "Loss", "dice": "Dice", "iou": "IoU", "accuracy": "Accuracy"}
# Shown without its tool bar, and so that a finger that scrolls the page does not zoom the chart.
CONFIG = {"displayModeBar": False, "scrollZoom": False, "responsive": True}
MAX_POINTS = 600


def learning_curve(metrics: Metrics, name: str, epochs: int, best_epoch: int | None, theme: str | None) -> go.Figure:
    """Draw how a metric went: thin within the epochs, bold from epoch to epoch, the best epoch marked.

    Parameters
    ----------
    metrics : Metrics
    name : {"loss", "dice", "iou", "accuracy"}
    epochs : int
        How many epochs there may be.
    best_epoch : int or None
        The epoch whose model was kept.
    theme : {"light", "dark"} or None
    """
    colors = COLORS.get(theme or "light", COLORS["light"])
    figure = go.Figure()
    x, y = _within_epochs(metrics, name)
    figure.add_scatter(
        x=x,
        y=y,
        mode="lines",
        name="within the epoch",
        line={"color": colors["train"], "width": 1.5},
        opacity=0.5,
        hoverinfo="skip",
        showlegend=not metrics.epochs,
    )
    number = [row["epoch"] for row in metrics.epochs]
    for side, key, symbol in (("train", name, "circle"), ("validation", f"val_{name}", "diamond")):
        figure.add_scatter(
            x=number,
            y=[row.get(key) for row in metrics.epochs],
            mode="lines+markers",
            name={"train": "training", "validation": "validation"}[side],
            line={"color": colors[side], "width": 2.5},
            marker={"symbol": symbol, "size": 6 if len(number) <= 60 else 3},
            hovertemplate="%{y:.4f}",
        )
    _mark_best(figure, metrics, f"val_{name}", best_epoch, colors)
    seen = max([*number, *x[-1:], 1.0])
    # All epochs at once while there are few of them; of many, those that there have been and some room to grow into.
    end = epochs if epochs <= 30 else min(epochs, max(10, seen * 1.15))
    style(figure)
    figure.update_xaxes(title="epoch", range=[0, end * 1.03], dtick=_tick(end))
    if name == "loss" and (x or number):
        figure.update_yaxes(rangemode="tozero")
    else:
        figure.update_yaxes(range=[None if name == "accuracy" and (x or number) else 0, 1.0])
    figure.update_layout(hovermode="x unified")
    return figure


def describe_curve(metrics: Metrics, name: str, best_epoch: int | None) -> str:
    """Say in words what ``learning_curve`` shows."""
    title = METRICS[name]
    if not metrics.epochs:
        return f"{title} by epoch; no epoch has ended yet."
    last = metrics.epochs[-1]
    words = f"{title} by epoch. After epoch {last['epoch']}: training {last.get(name, math.nan):.3f}"
    words += f", validation {last.get(f'val_{name}', math.nan):.3f}."
    return words + (f" The best epoch is {best_epoch}." if best_epoch else "")


def _within_epochs(metrics: Metrics, name: str) -> tuple[list[float | None], list[float | None]]:
    """The running means, with a gap where they begin anew."""
    every = max(1, len(metrics.steps) // MAX_POINTS)
    x: list[float | None] = []
    y: list[float | None] = []
    epoch = None
    for row in metrics.steps[::every]:
        if epoch not in (None, row["epoch"]):
            x.append(None)
            y.append(None)
        epoch = row["epoch"]
        x.append(epoch - 1 + row["batch"] / row.get("batches", row["batch"]))
        y.append(row.get(name))
    return x, y


def _mark_best(figure: go.Figure, metrics: Metrics, key: str, best: int | None, colors: dict[str, str]) -> None:
    row = next((row for row in metrics.epochs if row["epoch"] == best), None)
    if row is None:
        return
    figure.add_vline(x=best, line={"color": colors["best"], "width": 1, "dash": "dot"}, opacity=0.6)
    figure.add_scatter(
        x=[best],
        y=[row.get(key)],
        mode="markers",
        name=f"best: epoch {best}",
        marker={
            "symbol": "star",
            "size": 13,
            "color": colors["validation"],
            "line": {"color": colors["best"], "width": 1},
        },
        hoverinfo="skip",
    )


def size_chart(report: DatasetReport, theme: str | None) -> go.Figure:
    """Draw how many images there are of each size, the commonest first; sizes beyond eight in one bar."""
    counts = Counter(size_of(s.width, s.height) for s in report.samples if s.height and s.width).most_common()
    shown = 8 if len(counts) > 9 else 9
    head, rest = counts[:shown], counts[shown:]
    if rest:
        head.append((f"{len(rest)} other sizes", sum(count for _, count in rest)))
    names, numbers = [name for name, _ in reversed(head)], [count for _, count in reversed(head)]
    figure = go.Figure()
    figure.add_bar(
        x=numbers,
        y=names,
        orientation="h",
        text=numbers,
        textangle=0,
        cliponaxis=False,
        marker={"color": COLORS.get(theme or "light", COLORS["light"])["train"]},
        hovertemplate="%{y}: %{x} images<extra></extra>",
    )
    style(figure)
    figure.update_xaxes(title="images")
    figure.update_yaxes(type="category", ticksuffix=" ")
    return figure


def nuclei_chart(report: DatasetReport, theme: str | None) -> go.Figure:
    """Draw how many images have how many nuclei."""
    figure = go.Figure()
    figure.add_histogram(
        x=[sample.nuclei for sample in report.usable],
        nbinsx=40,
        marker={"color": COLORS.get(theme or "light", COLORS["light"])["train"]},
        hovertemplate="%{x} nuclei: %{y} images<extra></extra>",
    )
    style(figure)
    figure.update_xaxes(title="nuclei in the image", rangemode="tozero")
    figure.update_yaxes(title="images")
    figure.update_layout(bargap=0.05)
    return figure


def style(figure: go.Figure, height: int = 300) -> None:
    """Give a chart the looks of all: no tool bar, no zoom, the legend above."""
    layout: dict[str, Any] = {
        "height": height,
        "margin": {"l": 8, "r": 8, "t": 8, "b": 8},
        "dragmode": False,
        "legend": {"orientation": "h", "y": 1.02, "yanchor": "bottom", "x": 0, "itemsizing": "trace"},
        "uirevision": "kept",  # a curve that was switched off stays off when the next point comes
    }
    figure.update_layout(**layout)
    figure.update_xaxes(fixedrange=True, automargin=True)
    figure.update_yaxes(fixedrange=True, automargin=True)


def _tick(end: float) -> float:
    return next((step for step in (1, 2, 5, 10, 20, 50, 100, 200, 500) if end / step <= 12), 1000)
