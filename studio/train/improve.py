"""Improving a model on a dataset of one's own: what is in it, what it will take, and the start."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from studio.common.dataset_picker import dataset_report, shown_datasets
from studio.common.parameters import MODEL
from studio.common.text import duration, plain, told
from studio.common.visitor import visitor
from studio.train.gallery import thumbnail
from studio.train.run_list import open_run_view, show_busy
from unet.datasets.own import remove_image, zipped
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import TrainingBusy, UnetError
from unet.models.registry import ModelEntry, list_models
from unet.ownership import NotYours
from unet.runs.run import current_run, delete_run
from unet.settings import Settings
from unet.training.create import check_start
from unet.training.estimate import estimate_seconds
from unet.training.launch import start
from unet.training.learn import KEEP_OUT_FROM, create_learning_run, learning_config, rehearsal_for


def show_own(dataset: Dataset, settings: Settings) -> None:
    """Draw a dataset of one's own: its images, and the start of a training that improves a model on them."""
    try:
        report = dataset_report(dataset, settings)
    except UnetError as error:
        st.error(told(error), icon=":material/error:")
        return
    _images(dataset, report, settings)
    if report.usable:
        _improve(dataset, report, settings)
    else:
        st.info("There is nothing in it. On Predict, correct an image and save it.", icon=":material/info:")


def _images(dataset: Dataset, report: DatasetReport, settings: Settings) -> None:
    mine = visitor(settings).may_change(dataset.folder)
    with st.container(border=True):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.header(
                f"{len(report.usable)} corrected image{'s' * (len(report.usable) != 1)}", anchor=False, width="content"
            )
            st.download_button(
                "Download as zip",
                lambda: zipped(dataset),
                file_name=f"{dataset.id}.zip",
                mime="application/zip",
                icon=":material/download:",
                key="own_zip",
            )
        with st.grid(4, min_column_width=150):
            for sample in report.usable:
                with st.container(key=f"own-{sample.id}"):
                    st.image(
                        thumbnail(dataset, sample.id, True, settings),
                        caption=plain(sample.id),
                        alt=f"{sample.id}, with its {sample.nuclei} nuclei outlined",
                    )
                    parts = f", {len(sample.finished)} finished part{'s' * (len(sample.finished) > 1)}"
                    st.caption(f"{sample.nuclei:,} nuclei{parts if sample.finished else ''}")
                    if mine:
                        st.button(
                            "Remove", icon=":material/delete:", type="tertiary", key=f"remove-{sample.id}",
                            on_click=_remove, args=(dataset, sample.id, settings),
                        )  # fmt: skip


def _remove(dataset: Dataset, sample: str, settings: Settings) -> None:
    with suppress(NotYours):
        visitor(settings).require(dataset.folder)
        remove_image(dataset, sample)


def _improve(dataset: Dataset, report: DatasetReport, settings: Settings) -> None:
    models = {entry.key: entry for entry in visitor(settings).listed(list_models(settings)) if _can_learn(entry)}
    if not models:
        return
    with st.container(border=True, key="improve"):
        st.header("Improve the model", anchor=False)
        wanted = st.query_params.get(MODEL, "")
        key = st.selectbox(
            "Model that goes on learning",
            list(models),
            index=list(models).index(wanted) if wanted in models else 0,
            format_func=lambda each: models[each].label,
            key="improve_model",
        )
        entry = models[key]
        rehearse = ""
        if entry.info.config.is_native and st.toggle(
            "Keep it from forgetting",
            True,
            key="improve_rehearse",
            help="A share of what it sees are images of the dataset that it comes from, or synthetic nuclei.",
        ):
            rehearse = rehearsal_for(entry, settings, shown_datasets(settings))
        count = len(report.usable)
        config = learning_config(entry, count, rehearse)
        seconds = estimate_seconds(config, count, settings)
        kept = (
            "A fifth of the images is kept out, to score on."
            if count >= KEEP_OUT_FROM
            else f"All are learned from; with {KEEP_OUT_FROM} or more, some are kept out, to score on."
        )
        st.markdown(f"{count} image{'s' * (count > 1)}: **about {duration(seconds, parts=1)}** on this machine. {kept}")
        if st.button("Improve the model", type="primary", icon=":material/model_training:", key="improve_start"):
            _start(dataset, entry, rehearse, settings)


def _can_learn(entry: ModelEntry) -> bool:
    return entry.info.config.classes == 1


def _start(dataset: Dataset, entry: ModelEntry, rehearse: str, settings: Settings) -> None:
    try:
        if busy := current_run(settings):
            raise TrainingBusy(busy.name)
        check_start(learning_config(entry, 1), settings)
        with st.spinner("Starting …"):
            run = create_learning_run(dataset, entry, settings, rehearse=rehearse)
            visitor(settings).claim(run.folder)
            try:
                start(run, settings)
            except BaseException:
                delete_run(run)
                raise
    except TrainingBusy as busy_error:
        show_busy(busy_error, "improve", settings)
    except (UnetError, OSError) as error:
        st.error(f"The training could not be started. {told(error)}", icon=":material/error:")
    else:
        open_run_view(run.name)
        st.rerun()
