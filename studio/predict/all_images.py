"""All chosen images in a table, each with a thumbnail and what is found in it; a row opens its image."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd
import streamlit as st

from studio.common.progress import progress_bar
from studio.common.text import size_of
from studio.predict.measurements import measurements_of
from studio.predict.pipeline import Decision, Job, facts_of, found_in
from studio.predict.positive import read_marker
from studio.predict.shown_image import go_to, page_of, pixel_size_for
from studio.predict.uploads import Upload
from unet.digest import digest_of
from unet.errors import UnetError
from unet.prediction.marker import positive_share
from unet.spreadsheets import csv_of_frame

# Pixels of all images together up to which the table follows the threshold without being asked.
AT_ONCE = 8_000_000
COUNTED = "counted_at"


def show_all_images(job: Job, images: dict[str, Upload], decision: Decision) -> None:
    """Draw what is found in each image: at once, or if that takes long, when it is asked for."""
    pixels = sum(facts_of(job, upload).height * facts_of(job, upload).width for upload in images.values())
    keys = [job.key(upload, page_of(job, upload), decision) for upload in images.values()]
    token = digest_of(repr(keys).encode(), 12)
    if pixels > AT_ONCE and st.session_state.get(COUNTED) != token:
        st.markdown(
            f"Counting the nuclei of all {len(images)} images at threshold {decision.threshold:.2f} takes a while."
        )
        if not st.button("Count them", icon=":material/calculate:", key="count_all"):
            return
        st.button("Cancel", icon=":material/close:", key="cancel_count")
    with progress_bar("Counting", "images") as progress:
        rows = []
        for row in _rows(job, images, decision):
            rows.append(row)
            progress(len(rows), len(images))
    st.session_state[COUNTED] = token
    _table(pd.DataFrame(rows), list(images), decision, token)


def _rows(job: Job, images: dict[str, Upload], decision: Decision) -> Iterator[dict]:
    for name, upload in images.items():
        facts = facts_of(job, upload)
        try:
            page, marker = page_of(job, upload), read_marker()
            found = found_in(job, upload, page, decision)
            size = pixel_size_for(upload)
            share = positive_share(measurements_of(job, upload, page, decision, size, marker)) if marker else None
        except UnetError as error:
            yield {"Image": name, "Remark": str(error)}
            continue
        yield {
            "Picture": found.thumbnail,
            "Image": name,
            "Nuclei": found.summary.count,
            **({"Positive": share} if marker else {}),
            "Covered": found.summary.covered,
            "Mean area": found.summary.mean_area,
            "Size": size_of(facts.width, facts.height),
        }


def _table(frame: pd.DataFrame, names: list[str], decision: Decision, token: str) -> None:
    key = f"all-{token}-{st.session_state.get('all_round', 0)}"
    event = st.dataframe(
        frame,
        hide_index=True,
        row_height=56,
        height=min(480, 40 + 57 * len(frame)),
        column_config={
            "Picture": st.column_config.ImageColumn(width="small"),
            "Nuclei": st.column_config.NumberColumn(format="localized"),
            "Positive": st.column_config.NumberColumn(format="percent", help="By the mean of the chosen channel."),
            "Covered": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
            "Mean area": st.column_config.NumberColumn(format="%.0f px"),
        },
        key=key,
        on_select="rerun",
        selection_mode="single-row",
        alt=f"Nuclei, covered area and size of each of {len(names)} images at threshold {decision.threshold:.2f}",
    )
    total = int(frame["Nuclei"].sum()) if "Nuclei" in frame else 0
    with st.container(horizontal=True, horizontal_alignment="distribute", vertical_alignment="center"):
        of_all = _positive_of_all(frame)
        st.caption(
            f"{total:,} nuclei in all at threshold {decision.threshold:.2f}{of_all}. Choose a row to open its image."
        )
        st.download_button(
            "Table (CSV)",
            lambda: csv_of_frame(frame.drop(columns="Picture", errors="ignore")),
            "images.csv",
            "text/csv",
            key="download_all",
            icon=":material/download:",
            on_click="ignore",
        )
    if event.selection.rows:
        st.session_state["all_round"] = st.session_state.get("all_round", 0) + 1
        st.session_state["go_to"] = names[event.selection.rows[0]]
        st.rerun()


def _positive_of_all(frame: pd.DataFrame) -> str:
    """Return how many of all nuclei are positive, in words; of images where that is not known, nothing counts."""
    known = frame.dropna(subset=["Positive"]) if "Positive" in frame else frame[:0]
    nuclei = known["Nuclei"].sum() if len(known) else 0
    return f", {(known['Positive'] * known['Nuclei']).sum() / nuclei:.1%} of them positive" if nuclei else ""


def open_chosen() -> None:
    """Open the image of the row that was chosen; before the widgets are drawn, which then may no longer be set."""
    if name := st.session_state.pop("go_to", None):
        go_to(name)
