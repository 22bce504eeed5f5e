"""All runs as a table that is sorted by any of its columns: settings beside what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

import pandas as pd
import streamlit as st

from unet.errors import RunError
from unet.models.network import count_parameters
from unet.runs.notes import read_notes
from unet.runs.run import Run


def show_table(runs: Sequence[Run]) -> str | None:
    """Draw the table; return the name of the run whose row was chosen, once."""
    frame = runs_table(runs)
    number = st.column_config.NumberColumn
    event = st.dataframe(
        frame,
        hide_index=True,
        height=min(480, 40 + 36 * len(frame)),
        column_config={
            "Dice": number(format="%.3f", help="On its own validation images: comparable for the same dataset only."),
            "Parameters": number(format="localized"),
            "Learning rate": number(format="%g"),
            "Minutes": number(format="%.1f", help="Of training, without preparing the data."),
            "Made": st.column_config.DatetimeColumn(format="distance"),
        },
        key=f"runs-table-{st.session_state.get('runs_round', 0)}",
        on_select="rerun",
        selection_mode="single-row",
        alt="All runs with their settings and scores",
    )
    st.caption("Click on a column's name to sort by it; choose a row to open its run.")
    if not event.selection.rows:
        return None
    # A new table has no row chosen: on the way back, nothing would open by itself.
    st.session_state["runs_round"] = st.session_state.get("runs_round", 0) + 1
    return runs[event.selection.rows[0]].name


def runs_table(runs: Sequence[Run]) -> pd.DataFrame:
    """Return a row for each run."""
    return pd.DataFrame([_row(run) for run in runs])


def _row(run: Run) -> dict[str, object]:
    state, notes = run.state(), read_notes(run)
    row: dict[str, object] = {"Run": notes.title or run.name, "Status": state.status}
    with suppress(RunError):
        info = run.info()
        training, model = info.config.training, info.config.model
        row |= {
            "Dice": (state.best or {}).get("val_dice"),
            "Epochs": training.epochs,
            "Best epoch": state.best_epoch,
            "Images": len(info.train_ids),
            "Dataset": info.dataset["name"],
            "Preset": info.config.preset,
            "Parameters": count_parameters(model),
            "Input size": " x ".join(map(str, model.input_size[::-1])),
            "Batch size": training.batch_size,
            "Learning rate": training.learning_rate,
            "Loss": training.loss,
            "Minutes": state.seconds / 60,
            "Made": _time(info.created),
        }
    return row | {"Note": " ".join(notes.note.split())}


def _time(created: str) -> datetime | None:
    with suppress(ValueError, OverflowError):
        return datetime.fromisoformat(created)
    return None
