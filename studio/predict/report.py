"""A batch of predicted images as one HTML file: counts, measurements by group, and a picture of each image."""

from __future__ import annotations

import html
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from studio.common.charts import CONFIG
from studio.common.html_report import html_page
from studio.predict.group_chart import group_chart
from unet import render
from unet.exports.tables import group_rows
from unet.prediction.marker import Marker, positive_share
from unet.prediction.measure import COLUMNS
from unet.prediction.regions import RegionFigures
from unet.prediction.result import Decisions


@dataclass(frozen=True)
class ReportRow:
    """An image: its name, a small picture of it as a ``data:`` address, and what was found in it.

    ``positive`` is a share, 0 to 1, where nuclei are told apart; ``corrected`` says what was done by hand.
    """

    image: str
    picture: str
    nuclei: int = 0
    covered: float = 0.0
    remark: str = ""
    positive: float | None = None
    corrected: str = ""
    regions: tuple[RegionFigures, ...] = ()


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
    groups = readable(group_rows(nuclei, column), column).to_html(index=False, border=0)
    kept = "".join(f", {COLUMNS[name].title} {low:g} to {high:g}" for name, (low, high) in decisions.ranges.items())
    separated = "separated" if decisions.separation.separate else "counted as one"
    corrected = " Some were corrected by hand." if any(row.corrected for row in rows) else ""
    return html_page(
        f"{len(nuclei):,} nuclei in {len(rows):,} images",
        f"<p>Model {html.escape(decisions.info.name)}, threshold {decisions.threshold:.2f}, touching nuclei "
        f"{separated}, at least {decisions.separation.min_area} pixels{html.escape(kept)}.{corrected}</p>"
        f"{_classes(decisions.marker, nuclei)}"
        f"<h2>{html.escape(COLUMNS[column].title)} by group</h2>{chart}{groups}<h2>Images</h2>{_images(rows)}"
        f"{_regions(rows)}",
    )


def readable(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """Return the table of groups with headings for people."""
    title = COLUMNS[column].title
    return rows.round(3).rename(
        columns={
            "group": "Group",
            "images": "Images",
            "nuclei": "Nuclei",
            "per_image": "Nuclei per image",
            "mean": f"Mean of {title}",
            "sd": "Standard deviation",
            "median": "Median",
        }
    )


def _classes(marker: Marker | None, nuclei: pd.DataFrame) -> str:
    """Say which nuclei are positive, how many, and in which colours they are drawn."""
    share = positive_share(nuclei)
    if marker is None or share is None:
        return ""
    colors = {"positive": render.POSITIVE_COLOR, "negative": render.NEGATIVE_COLOR}
    swatches = ", ".join(
        f'<span style="color:rgb{tuple(map(int, color))}">■</span> {name}' for name, color in colors.items()
    )
    return (
        f"<p>{share:.1%} of the nuclei are positive: their mean of channel {marker.channel + 1} lies above "
        f"{marker.level:.6g}. {swatches}.</p>"
    )


def _images(rows: Sequence[ReportRow]) -> str:
    columns = ["Picture", "Image", "Nuclei", "Area covered"]
    has_classes, has_corrections = any(row.positive is not None for row in rows), any(row.corrected for row in rows)
    columns += ["Positive"] * has_classes + ["Corrected by hand"] * has_corrections
    cells = [_cells(row, has_classes, has_corrections) for row in rows]
    return _table(columns, cells)


def _cells(row: ReportRow, has_classes: bool, has_corrections: bool) -> list[str]:
    name = html.escape(row.image)
    if row.remark:
        return ["", name, html.escape(row.remark), *[""] * (1 + has_classes + has_corrections)]
    picture = f'<img src="{row.picture}" alt="{name} with its nuclei">' if row.picture else ""
    positive = [_share(row.positive)] if has_classes else []
    corrected = [html.escape(row.corrected)] if has_corrections else []
    return [picture, name, f"{row.nuclei:,}", f"{row.covered:.1%}", *positive, *corrected]


def _regions(rows: Sequence[ReportRow]) -> str:
    found = [(row.image, each) for row in rows for each in row.regions]
    if not found:
        return ""
    has_classes = any(each.positive is not None for _, each in found)
    columns = ["Image", "Region", "Nuclei", "Area covered", "Mean area, px", *["Positive"] * has_classes]
    cells = [
        [
            *(html.escape(image), html.escape(each.region), f"{each.nuclei:,}", f"{each.covered:.1%}"),
            *(f"{each.mean_area:,.0f}", *[_share(each.positive)] * has_classes),
        ]
        for image, each in found
    ]
    return f"<h2>Regions</h2>{_table(columns, cells)}"


def _share(share: float | None) -> str:
    return "" if share is None else f"{share:.1%}"


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a table of cells whose text is escaped already."""
    head = "".join(f"<th>{name}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{head}</tr>{body}</table>"
