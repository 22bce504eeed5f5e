"""Starting, opening, listing and deleting runs."""

from __future__ import annotations

import time
from contextlib import suppress
from datetime import datetime
from typing import Literal

import streamlit as st

from studio.common.parameters import RUN
from studio.common.scroll import begin_at_top
from studio.common.text import duration, plain, short, told
from studio.common.visitor import SOMEBODY_ELSES, visitor
from studio.train.run_table import show_table
from studio.train.side_by_side import show_side_by_side
from unet.config import Config
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import RunError, TrainingBusy, UnetError
from unet.runs.notes import LONGEST_TITLE, read_notes, title_of, write_notes
from unet.runs.run import Run, current_run, delete_run, list_runs
from unet.runs.state import RunState
from unet.settings import Settings
from unet.training.create import create_run
from unet.training.launch import start

FEW = 6
VIEWS = ("List", "Table")
# Status: its colour and icon. The words are the run's own.
LOOKS: dict[str, tuple[Literal["blue", "orange", "green", "gray", "red"], str | None]] = {
    "starting": ("blue", ":material/hourglass_top:"),
    "running": ("blue", ":material/model_training:"),
    "stopping": ("orange", ":material/pause_circle:"),
    "finished": ("green", ":material/check_circle:"),
    "stopped": ("gray", ":material/stop_circle:"),
    "failed": ("red", ":material/error:"),
    "died": ("red", ":material/heart_broken:"),
    "deleted": ("gray", ":material/delete:"),
}


def start_run(dataset: Dataset, report: DatasetReport, config: Config, settings: Settings, title: str = "") -> Run:
    """Make a run and start its training; ``title`` is what people call it.

    Raises
    ------
    TrainingBusy
        If another one is under way; nothing is left behind then.
    UnetError
        If it cannot be started.
    """
    busy = current_run(settings)
    if busy:
        raise TrainingBusy(busy.name)
    run = create_run(dataset, report, config, settings, title[:LONGEST_TITLE] or None)
    visitor(settings).claim(run.folder)
    try:
        if title:
            write_notes(run, title, "")
        start(run, settings)
    except BaseException:
        with suppress(UnetError, OSError):
            delete_run(run)
        raise
    return run


def open_run_view(name: str) -> None:
    """Put a run into the address, so that the page shows it."""
    st.query_params.from_dict({RUN: name})
    begin_at_top()


def badge(state: RunState) -> None:
    """Draw a run's status."""
    color, icon = LOOKS.get(state.status, ("gray", None))
    st.badge(state.status, color=color, icon=icon)


def show_busy(error: TrainingBusy, key: str, settings: Settings) -> None:
    """Say that another training is ahead, with a button that leads to it unless it is somebody else's."""
    if not visitor(settings).may_list(settings.runs / error.run_name):
        st.warning(SOMEBODY_ELSES, icon=":material/hourglass_top:")
        return
    st.warning(told(error), icon=":material/hourglass_top:")
    st.button(
        f"Watch “{plain(error.run_name)}”",
        icon=":material/visibility:",
        key=f"watch-{key}",
        on_click=open_run_view,
        args=(error.run_name,),
    )


def show_runs(settings: Settings, shown: str | None = None) -> None:
    """Draw the list of runs: open one, or delete it."""
    who = visitor(settings)
    runs = [run for run in who.listed(list_runs(settings)) if run.name != shown]
    if not runs:
        return
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("Other runs" if shown else "Runs", anchor=False, width="content")
        view = st.segmented_control(
            "How runs are shown", VIEWS, default=VIEWS[0], required=True, key="runs_view", label_visibility="collapsed"
        )
    if view == "Table":
        if chosen := show_table(runs):
            open_run_view(chosen)
            st.rerun()
        if len(runs) > 1:
            show_side_by_side(runs)
        return
    many = len(runs) > FEW and not st.session_state.get("all_runs")
    for run in runs[:FEW] if many else runs:
        _row(run, who.may_change(run.folder), settings)
    if many:
        st.button(f"Show all {len(runs)}", key="show_all_runs", type="tertiary", on_click=_show_all)


def _show_all() -> None:
    st.session_state["all_runs"] = True


def _row(run: Run, may_delete: bool, settings: Settings) -> None:
    state = run.state()
    with st.container(border=True, horizontal=True, vertical_alignment="center", gap="small", key=f"row-{run.name}"):
        st.button(
            f":blue[{plain(title_of(run))}]",
            icon=":material/chevron_right:",
            icon_position="right",
            type="tertiary",
            key=f"open-{run.name}",
            on_click=open_run_view,
            args=(run.name,),
        )
        badge(state)
        st.caption(summary(run, state), width="stretch")
        if not may_delete:
            return
        with st.popover(
            "", icon=":material/delete:", type="tertiary", help=f"Delete {plain(run.name)}", disabled=state.active
        ):
            st.markdown(f"Delete **{plain(run.name)}** with its model and curves? It cannot be brought back.")
            st.button(
                "Delete the run",
                icon=":material/delete:",
                key=f"delete-{run.name}",
                on_click=_delete,
                args=(run, settings),
            )


def summary(run: Run, state: RunState) -> str:
    """Return what a line can say about a run: its dataset, how good it became, and when."""
    try:
        info = run.info()
        parts = [plain(info.dataset["name"]), plain(_when(info.created))]
    except RunError as error:
        return told(error)
    if note := read_notes(run).note:
        parts.append(plain(short(note, 60)))
    if state.best and "val_dice" in state.best:
        parts.insert(1, f"Dice {state.best['val_dice']:.3f}")
    return " · ".join(parts)


def _when(created: str) -> str:
    with suppress(ValueError, OverflowError):
        seconds = time.time() - datetime.fromisoformat(created).timestamp()
        return "just now" if seconds < 60 else f"{duration(seconds, parts=1)} ago"
    return created


def _delete(run: Run, settings: Settings) -> None:
    try:
        visitor(settings).require(run.folder)
        delete_run(run)
        st.toast(f"The run “{plain(run.name)}” is deleted.", icon=":material/delete:")
    except (UnetError, OSError) as error:
        st.toast(told(error), icon=":material/error:")
