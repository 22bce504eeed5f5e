"""Choose a dataset, look at it, set a training going and watch it."""

from __future__ import annotations

import streamlit as st

from studio.common.dataset_picker import came_as, choose, choose_dataset, chosen_dataset, dataset_report, use_sample
from studio.common.empty import show_empty
from studio.common.navigation import enter
from studio.common.parameters import DATASET, RUN
from studio.common.scroll import scroll
from studio.common.text import plain, told
from studio.common.visitor import administrator_door, visitor
from studio.train.improve import show_own
from studio.train.overview import show_overview, show_remarks
from studio.train.run_list import open_run_view, show_runs
from studio.train.run_view import show_run
from studio.train.start import settings_and_start, step
from unet.datasets.inspection import FEWEST, require_usable
from unet.datasets.samples import DatasetReport
from unet.datasets.store import OWN, Dataset
from unet.errors import DatasetError, RunError
from unet.runs.notes import title_of
from unet.runs.run import current_run, open_run
from unet.settings import read_settings

enter()
settings = read_settings()
name = st.query_params.get(RUN)
page = st.container(horizontal_alignment="center").container(width=1120)


def watch(name: str) -> None:
    """One run, live or ended."""
    st.button(
        "New training and all runs",
        icon=":material/arrow_back:",
        type="tertiary",
        key="back",
        on_click=choose,
        args=(None,),
    )
    try:
        show_run(open_run(name, settings), settings)
    except RunError as error:
        st.error(told(error), icon=":material/error:")


def set_up() -> None:
    """The four steps to a training."""
    with st.container(key="bar"):
        st.title("Train", anchor=False)
    st.markdown("Upload images with their masks, and watch a U-Net learn to find the nuclei.")
    running = current_run(settings)
    if running and visitor(settings).may_list(running.folder):
        with st.container(border=True, horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/model_training: The run **{plain(title_of(running))}** is training.", width="stretch"
            )
            st.button("Watch it", icon=":material/visibility:", on_click=open_run_view, args=(running.name,))
    if not settings.training:
        st.info(
            "Training is switched off on this server (UNET_TRAINING is off). Predicting works, and earlier runs can "
            "be looked at below.",
            icon=":material/lock:",
        )
        return
    dataset = step_dataset()
    if dataset and dataset.source == OWN:
        show_own(dataset, settings)
        return
    report = step_overview(dataset) if dataset else None
    if dataset and report:
        settings_and_start(dataset, report, settings)
    elif not dataset:
        st.caption("Then: **2** see what is in it · **3** choose the settings · **4** start, and watch it learn.")


def step_dataset() -> Dataset | None:
    """Choose what to train on."""
    dataset = chosen_dataset(settings)
    if not dataset:
        show_empty(
            ways_to_dataset,
            "training.webp",
            "You watch it learn: a validation image with the outlines of its mask, and the probability map that the "
            "network makes of it after epoch 1, 4 and 12 (yellow: surely nucleus, violet: surely background).",
            "A microscope image with outlined nuclei, and three probability maps of it: blurred after the first epoch, "
            "sharp after the last.",
        )
        return None
    with step("1 · Dataset"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown(
                f":material/check_circle: **{plain(dataset.name)}** :gray[· {came_as(dataset)}]", width="stretch"
            )
            st.button(
                "Choose another", icon=":material/swap_horiz:", key="choose_another", on_click=choose, args=(None,)
            )
        return dataset


def offer_predicting(dataset: Dataset, report: DatasetReport) -> None:
    """Say why nothing can be trained on images without masks, and what can be done with them at once."""
    count, found = len(report.to_predict), len(report.usable)
    these = f"{count:,} image{'s' if count > 1 else ''}"
    st.info(
        f"**{these} here without masks**{f', {found} with' if found else ''}. Training needs images whose nuclei are "
        f"marked, at least {FEWEST} of them: put the masks beside the images (`images/` and `masks/`, equal "
        "file names) and upload both. To find nuclei, no masks are needed: a trained model predicts them now.",
        icon=":material/info:",
    )
    if report.left_out:
        show_remarks(report)
    st.page_link(
        "pages/predict.py",
        label=f"**Predict {'this image' if count == 1 else f'these {these}'}**",
        icon=":material/image_search:",
        query_params={DATASET: dataset.id},
    )


def ways_to_dataset() -> None:
    """Images with masks of one's own, or the sample's."""
    st.header("1 · Dataset", anchor=False)
    use_sample(settings, "Show me with the sample dataset")
    choose_dataset(settings)


def step_overview(dataset: Dataset) -> DatasetReport | None:
    """See what is in it; None if nothing can be trained on."""
    with step("2 · See it"):
        try:
            report = dataset_report(dataset, settings)
            if report.to_predict and len(report.usable) < FEWEST:
                offer_predicting(dataset, report)
                return None
            require_usable(report)
        except DatasetError as error:
            st.error(told(error), icon=":material/error:")
            return None
        show_overview(dataset, report, settings)
        return report


with page:
    if name:
        watch(name)
    else:
        set_up()
    show_runs(settings, shown=name)
    administrator_door(settings)
    scroll()
