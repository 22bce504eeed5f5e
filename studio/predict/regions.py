"""Regions that were drawn in the picture: what is found in each, their names, and what lies outside of them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from studio.common.text import plain
from studio.predict.nuclei_table import read_ranges, write_ranges
from studio.predict.pipeline import Job
from studio.predict.uploads import Upload
from unet.corrections.operation import CorrectionError
from unet.corrections.regions import LONGEST_NAME, add_region, read_regions, remove_region, rename_region
from unet.io.pixel_size import PixelSize
from unet.prediction.regions import COUNT, Region, RegionFigures, inside, region_figures

PROBLEM, ONLY = "region_problem", "only_regions"
MANY = 1e6  # more regions than a nucleus can lie in
SHOWN = 20  # regions that have a row of their own below the picture; all are in the files


def regions_of(job: Job, upload: Upload, page: int) -> tuple[Region, ...]:
    """Return the regions of a page; of a list that is damaged, none."""
    try:
        return read_regions(upload.digest, page, job.settings.home)
    except CorrectionError as error:
        st.session_state[PROBLEM] = str(error)
        return ()


def for_viewer(frame: pd.DataFrame, regions: Sequence[Region]) -> list[dict[str, Any]]:
    """Return the regions as the viewer draws them, each with the label beside it.

    Where nuclei are positive or negative, it is told which are in each, and says at every frame how many are positive.
    """
    shown = []
    for region, figures in zip(regions, region_figures(frame, regions), strict=True):
        each = {"points": region.points, "label": f"{region.name} · {_nuclei(figures)}"}
        if figures.positive is not None:
            numbers = frame["label"].to_numpy()[inside(frame, region)].astype("<u4")
            each["numbers"] = base64.b64encode(numbers.tobytes()).decode()
        shown.append(each)
    return shown


def take_region(job: Job, upload: Upload, page: int, sent: Any) -> None:
    """Keep a region that the viewer hands over; for callbacks."""
    points = sent.get("points") if isinstance(sent, dict) else None
    try:
        add_region(upload.digest, page, job.settings.home, points)
    except CorrectionError as error:
        st.session_state[PROBLEM] = str(error)


def show_regions(
    job: Job, upload: Upload, page: int, frame: pd.DataFrame, regions: Sequence[Region], pixel_size: PixelSize | None
) -> None:
    """Draw the regions below the picture: what is in each, its name to be changed, and a button that removes it.

    Parameters
    ----------
    job, upload, page
    frame : DataFrame
        The measurements of the nuclei that are kept.
    regions : sequence of Region
    pixel_size : PixelSize, optional
    """
    if problem := st.session_state.pop(PROBLEM, None):
        st.error(plain(problem), icon=":material/error:")
    if not regions:
        return
    with st.container(border=True, key="regions", gap="small"):
        _show_switch(len(regions))
        for region, figures in list(zip(regions, region_figures(frame, regions), strict=True))[:SHOWN]:
            key, where = f"region-{region.id}", (job, upload, page, region.id)
            with st.container(horizontal=True, vertical_alignment="center", gap="small"):
                st.session_state[key] = region.name
                st.text_input(
                    f"Name of {region.name}", key=key, label_visibility="collapsed", width=170, max_chars=LONGEST_NAME,
                    on_change=_rename, args=(*where, key),
                )  # fmt: skip
                st.markdown(_words(figures, pixel_size), width="stretch")
                st.button(
                    "Remove", key=f"remove-{region.id}", icon=":material/delete:", type="tertiary",
                    help=f"Remove {plain(region.name)}; the nuclei in it stay.", on_click=_remove, args=where,
                )  # fmt: skip
        if len(regions) > SHOWN:
            st.caption(f"And {len(regions) - SHOWN:,} more, which are in the exported files.")


def _show_switch(count: int) -> None:
    several = f"{count} regions" if count > 1 else "region"
    st.session_state[ONLY] = COUNT in read_ranges()
    st.toggle(
        f"Ignore nuclei outside of the {several}",
        key=ONLY,
        on_change=_switch,
        help="They are drawn faintly, and left out of table and exports. A nucleus lies where its centroid does. "
        "Images without regions stay whole.",
    )


def _switch() -> None:
    ranges = {name: ends for name, ends in read_ranges().items() if name != COUNT}
    write_ranges({**ranges, COUNT: (1.0, MANY)} if st.session_state[ONLY] else ranges)


def _words(figures: RegionFigures, size: PixelSize | None) -> str:
    area = f"{figures.area * size.x * size.y / 1e6:.3g} mm²" if size else f"{figures.area:,.0f} px"
    parts = [f"**{_nuclei(figures)}**", f"{figures.covered:.1%} of {area} covered"]
    if figures.nuclei:
        parts.append(f"mean area {figures.mean_area:,.0f} px")
    return " · ".join(parts) + _positive(figures)


def _nuclei(figures: RegionFigures) -> str:
    return f"{figures.nuclei:,} nucle{'us' if figures.nuclei == 1 else 'i'}"


def _positive(figures: RegionFigures) -> str:
    return "" if figures.positive is None else f" · {figures.positive:.1%} positive"


def _rename(job: Job, upload: Upload, page: int, id: str, key: str) -> None:
    _try(rename_region, job, upload, page, id, st.session_state[key])


def _remove(job: Job, upload: Upload, page: int, id: str) -> None:
    _try(remove_region, job, upload, page, id)


def _try(act: Any, job: Job, upload: Upload, page: int, *what: str) -> None:
    try:
        act(upload.digest, page, job.settings.home, *what)
    except CorrectionError as error:
        st.session_state[PROBLEM] = str(error)
