"""A plate in OME-Zarr on this machine: predicted field by field, and shown as its wells lie."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pandas as pd
import streamlit as st

from studio.common.charts import CONFIG
from studio.common.open_models import model_digest, open_model
from studio.common.progress import progress_bar
from studio.common.text import plain, told
from studio.common.visitor import sits_here
from studio.predict.plate_chart import MEASURES, plate_map
from unet.digest import digest_of
from unet.errors import UnetError
from unet.exports.batch import predict_planes
from unet.exports.tables import ImageSummary
from unet.exports.wells import wells_of
from unet.exports.work import Job
from unet.io.ome_zarr import is_zarr
from unet.io.planes import Plane, find_planes
from unet.models.registry import ModelEntry
from unet.prediction.result import Decisions
from unet.settings import Settings

PLATE = "named_plate"


def may_name_folders(settings: Settings) -> bool:
    """Tell whether the visitor sits at this machine and may name folders of it."""
    return settings.local_folders and sits_here(settings)


def name_plate(settings: Settings) -> None:
    """Draw where an OME-Zarr of this machine is named, for whoever may."""
    if not may_name_folders(settings):
        return
    with st.form("plate_form", border=False):
        text = st.text_input(
            "Or an OME-Zarr on this machine, a plate or an image",
            placeholder="/data/plate.zarr",
            help="It is read where it lies, a part at a time. Offered since this browser runs on the same machine.",
        )
        sent = st.form_submit_button("Open the OME-Zarr", icon=":material/grid_on:")
    path = text.strip()
    if sent and is_zarr(path) and "://" not in path:
        st.session_state[PLATE] = path
        st.rerun()
    elif sent:
        st.error(
            f"“{plain(path)}” is no OME-Zarr folder on this machine; name its whole path.", icon=":material/error:"
        )


def named_plate(settings: Settings) -> str | None:
    """Return the path of the OME-Zarr that was named, if it still may be."""
    return st.session_state.get(PLATE) if may_name_folders(settings) else None


def show_plate(entry: ModelEntry, path: str, settings: Settings) -> None:
    """Draw what a model finds in each well, once it was asked for."""
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.markdown(f"**{plain(Path(path).name)}**", width="content")
        st.button("Close", icon=":material/close:", type="tertiary", key="close_plate", on_click=_close)
    try:
        planes = find_planes([path])
        info = entry.info
        decisions = Decisions(info, info.threshold, info.separation, model=entry.key)
        digest = digest_of(repr((path, Path(path).stat().st_mtime_ns, model_digest(entry))).encode(), 12)
        output = settings.cache / "plates" / digest
        job = Job(output, settings, decisions, ("nuclei",))
        rows = _predicted(digest, entry, planes, job)
    except (UnetError, OSError) as error:
        st.error(told(error), icon=":material/error:")
        return
    if rows is not None:
        _show(rows, job)


def _close() -> None:
    st.session_state.pop(PLATE, None)


def _predicted(digest: str, entry: ModelEntry, planes: list[Plane], job: Job) -> list[ImageSummary] | None:
    held = st.session_state.setdefault("plates", {})  # rows of the last plates, by path and model
    if digest not in held:
        place = st.empty()
        with place.container(border=True, horizontal_alignment="center"):
            wells = len({plane.well for plane in planes})
            what = f"{len(planes):,} fields of {wells:,} wells" if planes[0].well else f"{len(planes):,} image"
            st.markdown(
                f"**{what}** to be predicted by {plain(entry.info.name)}, at its own threshold of "
                f"{entry.info.threshold:.2f}."
            )
            if not st.button("Predict the plate", icon=":material/play_arrow:", type="primary", key="predict_plate"):
                return None
        with place.container(border=True):
            # A click runs the page anew, and that ends the loop at its next word of progress.
            st.button("Cancel", icon=":material/close:", key="cancel_plate")
            with progress_bar("Predicting", "fields") as progress:
                held[digest] = predict_planes(
                    open_model(entry), planes, job, model_folder=entry.folder, progress=progress
                )
        place.empty()
        while len(held) > 8:
            held.pop(next(iter(held)))
    return held[digest]


def _show(rows: list[ImageSummary], job: Job) -> None:
    wells = wells_of(rows)
    frame = pd.DataFrame([dataclasses.asdict(well) for well in wells])
    for row in (row for row in rows if row.error):
        st.warning(plain(row.error), icon=":material/warning:")
    if wells:
        measure = st.segmented_control(
            "What is drawn",
            list(MEASURES),
            default="nuclei",
            required=True,
            format_func=lambda name: MEASURES[name][0],
            key="plate_measure",
            label_visibility="collapsed",
        )
        st.plotly_chart(plate_map(wells, measure), config=CONFIG, key="plate_map")
        st.caption(
            f"{MEASURES[measure][1]} {sum(well.nuclei for well in wells):,} nuclei in {len(wells):,} wells. "
            "Empty places are wells that the plate does not hold."
        )
        st.dataframe(frame, hide_index=True, column_config=_columns(), key="wells", alt="One row per well")
    else:
        st.dataframe(pd.DataFrame([dataclasses.asdict(row) for row in rows]), hide_index=True, key="fields")
    with st.container(horizontal=True):
        for title, name in (("Wells", "wells.csv"), ("All nuclei", "nuclei.csv"), ("Fields", "summary.csv")):
            file = job.output / name
            if file.is_file():
                st.download_button(
                    f"{title} (CSV)", file.read_bytes, name, "text/csv", key=f"download_{name}",
                    icon=":material/download:", on_click="ignore",
                )  # fmt: skip


def _columns() -> dict:
    number = st.column_config.NumberColumn
    return {
        "well": "Well",
        "fields": "Fields",
        "nuclei": number("Nuclei", format="localized"),
        "per_field": number("Per field", format="%.1f"),
        "mean_area": number("Mean area", format="%.0f px"),
        "covered": number("Covered", format="percent"),
        "broken": number("Broken", help="Fields that could not be read"),
    }
