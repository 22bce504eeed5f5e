"""What is in a dataset: counts, remarks in words, pictures, distributions and the report's table."""

from __future__ import annotations

import re
from collections import defaultdict

import streamlit as st

from studio.common import charts
from studio.common.text import plain, size_of
from studio.train.gallery import show_gallery
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.settings import Settings

USES = {"train": "to train on", "predict": "to predict", "left out": "left out"}


def show_overview(dataset: Dataset, report: DatasetReport, settings: Settings) -> None:
    """Draw everything about a dataset."""
    with st.grid(4, min_column_width=120):
        st.metric("Images to train on", f"{len(report.usable):,}")
        st.metric("Nuclei in them", f"{report.nuclei:,}")
        st.metric("Left out", f"{len(report.left_out):,}", help="The reasons are listed below.")
        st.metric("To predict", f"{len(report.to_predict):,}", help="Images without a mask.")
    show_remarks(report)
    pictures, distributions, table = st.tabs(["Images", "Sizes and nuclei", "Report"], key="overview_tabs")
    with pictures:
        show_gallery(dataset, report, settings)
    with distributions:
        _show_distributions(report)
    with table:
        _show_table(report)


def show_remarks(report: DatasetReport) -> None:
    """Say in words what is wrong, what is left out first."""
    left_out = [(sample.id, problem) for sample in report.left_out for problem in sample.problems]
    kept = [(s.id, problem) for s in report.with_problems if s.use != "left out" for problem in s.problems]
    if left_out:
        st.warning(
            f"**{_images(len(report.left_out))} left out**, the others are used.\n\n{_listed(left_out)}",
            icon=":material/warning:",
        )
    if kept or report.notes:
        count = len({name for name, _ in kept})
        title = f"Remarks about {_images(count)} that are still used" if kept else "Remarks about the files"
        with st.expander(title, icon=":material/info:"):
            st.markdown(_listed([*(("", note) for note in report.notes), *kept]))


def _listed(problems: list[tuple[str, str]], most: int = 6) -> str:
    """Return a Markdown list in which sentences that differ only by the files that they name are told once."""
    alike: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, problem in problems:
        alike[_kind(name, problem)].append((name, problem))
    lines = []
    for found in list(alike.values())[:most]:
        more = f" :gray[And {len(found) - 1:,} more like it.]" if len(found) > 1 else ""
        lines.append(f"- {plain(found[0][1])}{more}")
    if len(alike) > most:
        lines.append("- :gray[The rest is in the report below.]")
    return "\n".join(lines)


def _kind(name: str, problem: str) -> str:
    """What is left of a sentence without names of files, ids and numbers."""
    return re.sub(r"\S+\.\w{3,4}\b|\d+", "…", problem.replace(name, "…") if name else problem)


def _images(count: int) -> str:
    return "1 image" if count == 1 else f"{count:,} images"


def _show_distributions(report: DatasetReport) -> None:
    theme = st.context.theme.type
    with st.grid(2, min_column_width=280):
        with st.container():
            st.markdown("**Sizes** :gray[width × height in pixels]")
            st.plotly_chart(
                charts.size_chart(report, theme),
                key="sizes",
                config=charts.CONFIG,
                alt="How many images there are of each size",
            )
        with st.container():
            st.markdown("**Nuclei per image**")
            st.plotly_chart(
                charts.nuclei_chart(report, theme),
                key="nuclei",
                config=charts.CONFIG,
                alt="How many images have how many nuclei",
            )


def _show_table(report: DatasetReport) -> None:
    """Draw the report, what is left out first and then what there are remarks about."""
    frame = report.to_frame()
    order = {"left out": 0, "predict": 2, "train": 2}
    rank = frame["use"].map(order) - (frame["problems"] != "")
    sizes = [size_of(sample.width, sample.height) if sample.height else "" for sample in report.samples]
    frame = frame.assign(rank=rank, size=sizes, use=frame["use"].map(USES)).sort_values(["rank", "id"])
    shown = ["id", "use", "problems", "size", "nuclei", "foreground", "dtype", "channels", "values", "group", "stain"]
    used = [name for name in shown if name not in {"group", "stain", "problems"} or frame[name].astype(bool).any()]
    st.dataframe(
        frame,
        height=320,
        hide_index=True,
        column_order=[name for name in used if frame[name].notna().any()],
        column_config={
            "id": st.column_config.TextColumn("image", width="medium"),
            "use": st.column_config.TextColumn("used", width="small"),
            "problems": st.column_config.TextColumn("remarks", width="large"),
            "nuclei": st.column_config.NumberColumn("nuclei", width="small"),
            "foreground": st.column_config.NumberColumn("foreground", format="percent", width="small"),
            "dtype": st.column_config.TextColumn("pixels", width="small"),
            "channels": st.column_config.NumberColumn("channels", width="small"),
            "values": st.column_config.TextColumn("masks", width="small"),
        },
    )
