"""The last steps before a training: its settings, what they mean, and the start."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.common.config_form import config_form, worded
from studio.common.text import duration, size_of
from studio.train.run_list import open_run_view, show_busy, start_run
from unet.config import Config
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import TrainingBusy, UnetError
from unet.models.needs import lacks
from unet.models.network import count_parameters, level_table
from unet.runs.notes import LONGEST_TITLE
from unet.settings import Settings
from unet.training.estimate import estimate_seconds


@st.fragment
def settings_and_start(dataset: Dataset, report: DatasetReport, settings: Settings) -> None:
    """Draw the settings and the start; a setting that is changed reruns nothing else."""
    with step("3 · Settings"):
        config = config_form()
        if config:
            _show_model(config)
            if not config.model.has_heads:
                st.caption(
                    ":material/info: A network with this output learns a mask alone: nuclei that touch are separated "
                    "by their shape afterwards, and some are merged. The preset **Nuclei** learns borders and "
                    "distances as well, which keeps them apart."
                )
    with step("4 · Start"):
        st.markdown(_expectation(config, report, settings) if config else "Fix the setting above.")
        title = st.text_input(
            "Name of the run",
            max_chars=LONGEST_TITLE,
            key="run_title",
            placeholder="Optional",
            help="By default the preset and the time. You can change it later and add a note.",
        )
        if lack := lacks():
            st.info(f"Predicting and evaluating work here; training does not. {lack}", icon=":material/info:")
        clicked = st.button(
            "Start training",
            type="primary",
            icon=":material/play_arrow:",
            key="start_training",
            disabled=config is None or bool(lack),
        )
        if clicked and config:
            _start(dataset, report, config, settings, title.strip())


def step(title: str) -> DeltaGenerator:
    """Return the frame of one step, with its title."""
    frame = st.container(border=True)
    frame.header(title, anchor=False)
    return frame


def _start(dataset: Dataset, report: DatasetReport, config: Config, settings: Settings, title: str) -> None:
    try:
        with st.spinner("Starting …"):
            run = start_run(dataset, report, config, settings, title)
    except TrainingBusy as busy:
        show_busy(busy, "start", settings)
    except (UnetError, OSError) as error:
        st.error(f"The training could not be started. {worded(error)}", icon=":material/error:")
    else:
        open_run_view(run.name)
        st.rerun()


def _expectation(config: Config, report: DatasetReport, settings: Settings) -> str:
    """What the training will take, in a sentence."""
    samples = len(report.usable)
    seconds = estimate_seconds(config, samples, settings)
    epochs = config.training.epochs
    early = ", or fewer if it stops getting better" if config.training.patience else ""
    return (
        f"{samples:,} images, {epochs:,} epoch{'s' if epochs > 1 else ''}{early}: "
        f"**about {duration(seconds, parts=1)}**, roughly, on this machine. "
        "It continues when you leave the page or close the browser."
    )


def _show_model(config: Config) -> None:
    parameters = count_parameters(config.model)
    levels = len(config.model.filters)
    height, width = config.model.input_size
    title = f"The network: {parameters:,} parameters, {levels} levels, {size_of(width, height)} pixels"
    with st.expander(title, icon=":material/schema:", key="network"):
        rows = level_table(config.model)
        st.dataframe(
            [
                {
                    "block": row["block"],
                    "resolution": size_of(row["width"], row["height"]),
                    "filters": row["filters"],
                    "dropout": row["dropout"],
                    "parameters": row["parameters"],
                }
                for row in rows
            ],
            hide_index=True,
            height="content",
            column_config={
                "dropout": st.column_config.NumberColumn(format="%.2f"),
                "parameters": st.column_config.ProgressColumn(
                    format="localized", min_value=0, max_value=max(row["parameters"] for row in rows)
                ),
            },
        )
