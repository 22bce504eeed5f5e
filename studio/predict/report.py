"""A batch of predicted images as one HTML file: counts, measurements by group, and a picture of each image."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from studio.common.charts import CONFIG
from studio.common.html_report import html_page
from studio.predict.group_chart import group_chart
from unet.exports.tables import group_rows
from unet.prediction.measure import COLUMNS
from unet.prediction.result import Decisions


@dataclass(frozen=True)
class ReportRow:
    """An image: its name, a small picture of it as a ``data:`` address, and what was found in it."""

    image: str
    picture: str
    nuclei: int = 0
    covered: float = 0.0
    remark: str = ""


def as_html(decisions: Decisions, nuclei: pd.DataFrame, column: str, rows: Sequence[ReportRow]) -> str:
    """Return one self-contained page.

    Parameters
    ----------
    decisions : Decisions
        Model, threshold and the rest, which the page says.
    nuclei : DataFrame
        One row per nucleus, with ``image`` and ``group``.
    column : str
        The measurement that is drawn by group.
    rows : sequence of ReportRow
        The images, in their order.
    """
    chart = group_chart(nuclei, column, "light").to_html(full_html=False, include_plotlyjs=True, config=CONFIG)
    groups = group_rows(nuclei, column).round(4).to_html(index=False, border=0)
    kept = "".join(f", {COLUMNS[name].title} {low:g} to {high:g}" for name, (low, high) in decisions.ranges.items())
    separated = "separated" if decisions.separation.separate else "counted as one"
    return html_page(
        f"{len(nuclei):,} nuclei in {len(rows):,} images",
        f"<p>Model {html.escape(decisions.info.name)}, threshold {decisions.threshold:.2f}, touching nuclei "
        f"{separated}, at least {decisions.separation.min_area} pixels{html.escape(kept)}.</p>"
        f"<h2>{html.escape(COLUMNS[column].title)} by group</h2>{chart}{groups}<h2>Images</h2>{_images(rows)}",
    )


def _images(rows: Sequence[ReportRow]) -> str:
    head = "<tr><th>Picture</th><th>Image</th><th>Nuclei</th><th>Area covered</th></tr>"
    return f"<table>{head}{''.join(map(_row, rows))}</table>"


def _row(row: ReportRow) -> str:
    name = html.escape(row.image)
    if row.remark:
        return f'<tr><td></td><td>{name}</td><td colspan="2">{html.escape(row.remark)}</td></tr>'
    picture = f'<img src="{row.picture}" alt="{name} with its nuclei">' if row.picture else ""
    return f"<tr><td>{picture}</td><td>{name}</td><td>{row.nuclei:,}</td><td>{row.covered:.1%}</td></tr>"
