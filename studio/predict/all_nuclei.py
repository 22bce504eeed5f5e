"""All nuclei of all images in one table, how a measurement differs between groups of images, and both to take along."""

from __future__ import annotations

import pandas as pd
import streamlit as st

from studio.common.charts import CONFIG
from studio.common.parameters import GROUPS
from studio.common.progress import progress_bar
from studio.common.text import plain
from studio.predict.export_menu import result_of
from studio.predict.group_chart import group_chart
from studio.predict.measurements import measurements_of
from studio.predict.pipeline import Decision, Job
from studio.predict.positive import read_marker
from studio.predict.regions import regions_of
from studio.predict.report import ReportRow, as_html, readable
from studio.predict.shown_image import page_of, pixel_size_for, read_groups
from studio.predict.uploads import Upload
from unet import render
from unet.errors import UnetError
from unet.exports.pictures import overlay_picture
from unet.exports.tables import group_rows, named_rows, nuclei_file
from unet.prediction.filters import Ranges, kept_rows
from unet.prediction.grouping import FOLDER, GROUP, HELP, group_of
from unet.prediction.measure import COLUMNS
from unet.prediction.regions import region_figures
from unet.prediction.result import Decisions

OWN = "own"
WAYS = {
    "": "No groups",
    FOLDER: "Folder",
    f"{GROUP}_*": "File name up to the first _",
    f"{GROUP}-*": "File name up to the first -",
    OWN: "A pattern of my own",
}
PICTURE = 256  # pixels of the longer side of an image in the report: regions can be read
SHOWN_ROWS = 5000  # more would make the browser slow; the CSV has them all


def show_all_nuclei(
    job: Job, images: dict[str, Upload], decision: Decision, ranges: Ranges, decisions: Decisions
) -> None:
    """Draw the table, the plot by group, and what can be taken along."""
    choice, measurement = st.columns(2, gap="large")
    with choice:
        groups = _choose_groups()
    frame = _collect(job, images, decision, ranges, groups)
    if not len(frame):
        st.caption("There are no nuclei at this threshold.")
        return
    columns = [name for name in frame if name in COLUMNS and name != "label"]
    with measurement:
        column = st.selectbox(
            "Measurement", columns, format_func=lambda each: COLUMNS[each].title, key="compared", bind="query-params"
        )
    chart = group_chart(frame, column, st.context.theme.type)
    st.plotly_chart(chart, config=CONFIG, key="group_chart", alt=f"{COLUMNS[column].title} of the nuclei of each group")
    st.dataframe(readable(group_rows(frame, column), column), hide_index=True, key="groups_table")
    titles = {name: COLUMNS[name].title for name in frame if name in COLUMNS}
    st.dataframe(
        frame.head(SHOWN_ROWS).rename(columns={"image": "Image", "group": "Group", **titles}),
        hide_index=True,
        height=300,
        key="all_nuclei",
        alt=f"Measurements of {len(frame)} nuclei of {len(images)} images",
    )
    with st.container(horizontal=True, vertical_alignment="center"):
        more = f"; the first {SHOWN_ROWS:,} are shown" if len(frame) > SHOWN_ROWS else ""
        st.caption(f"{len(frame):,} nuclei of {len(images):,} images{more}.", width="stretch")
        st.download_button(
            "All nuclei (CSV)",
            lambda: nuclei_file([frame]),
            "nuclei.csv",
            "text/csv",
            key="download_nuclei",
            icon=":material/download:",
            on_click="ignore",
        )
        st.download_button(
            "Report (HTML)",
            lambda: as_html(decisions, frame, column, _report_rows(job, images, decision, decisions)),
            "nuclei.html",
            "text/html",
            key="download_report",
            icon=":material/download:",
            on_click="ignore",
            help="Counts, measurements by group and a picture of each image, as one file that any browser opens.",
        )


def _choose_groups() -> str:
    now = st.query_params.get(GROUPS, "")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        way = st.selectbox(
            "Group images by",
            list(WAYS),
            index=list(WAYS).index(now if now in WAYS else OWN),
            format_func=WAYS.__getitem__,
            key="group_way",
            on_change=_put_way,
        )
        if way != OWN:
            return read_groups()
        st.text_input("Pattern", now, key="group_pattern", on_change=_put_pattern, help=HELP, max_chars=200)
    if now and read_groups() != now:
        st.warning(
            f"“{plain(now[:80])}” is not a pattern of groups. Write {plain(GROUP)} once, as in {plain(GROUP)}_\\*."
        )
    return read_groups()


def _put_way() -> None:
    way = st.session_state["group_way"]
    st.query_params[GROUPS] = f"*_{GROUP}" if way == OWN else way


def _put_pattern() -> None:
    st.query_params[GROUPS] = st.session_state["group_pattern"].strip()


def _collect(job: Job, images: dict[str, Upload], decision: Decision, ranges: Ranges, groups: str) -> pd.DataFrame:
    frames = []
    with progress_bar("Measuring", "images") as progress:
        for name, upload in images.items():
            try:
                page, marker = page_of(job, upload), read_marker()
                regions = regions_of(job, upload, page)
                frame = measurements_of(job, upload, page, decision, pixel_size_for(upload), marker, regions)
            except UnetError:  # the table of all images says what is wrong with it
                continue
            frames.append(named_rows(frame[kept_rows(frame, ranges)], name, group_of(name, groups)))
            progress(len(frames), len(images))
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame()


def _report_rows(job: Job, images: dict[str, Upload], decision: Decision, decisions: Decisions) -> list[ReportRow]:
    rows = []
    for name, upload in images.items():
        try:
            result = result_of(job, (name, upload, page_of(job, upload)), decisions, decision)
            picture = render.data_uri(overlay_picture(result, PICTURE), "jpeg")
        except UnetError as error:
            rows.append(ReportRow(name, "", remark=str(error)))
            continue
        corrected = str((result.corrections or {}).get("summary", ""))
        figures = tuple(region_figures(result.measurements, result.regions))
        found = result.summary
        rows.append(
            ReportRow(
                name,
                picture,
                found.count,
                found.covered,
                positive=result.positive,
                corrected=corrected,
                regions=figures,
            )
        )
    return rows
