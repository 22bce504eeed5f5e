"""What was found: the threshold and all that it moves. One fragment; the model has done its work before."""

from __future__ import annotations

import streamlit as st

from studio import viewer
from studio.controls import (
    choose_image,
    choose_opacity,
    choose_page,
    choose_separation,
    choose_threshold,
    model_has_changed,
)
from studio.models import loading_words, open_model
from studio.outputs import show_downloads, show_table
from studio.predictions import (
    Decision,
    Job,
    facts_of,
    objects_of,
    predict_uploads,
    prediction_of,
    read_upload,
    still_to_predict,
    summary_of,
)
from studio.progress import progress_bar
from studio.uploads import Upload
from studio.words import plain
from unet.errors import UnetError
from unet.prediction.objects import Summary

VIEW = "view"  # the key of a widget and, at the same time, a name in the address
MOST_PROBLEMS = 8


def show_results(job: Job, images: dict[str, Upload]) -> None:
    """Predict what is not predicted yet, and show all of it.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """
    waiting = still_to_predict(job, list(images.values()))
    if waiting:
        with st.spinner(loading_words()):
            open_model(job.entry)
        with progress_bar("Predicting", "images") as progress:
            predict_uploads(job, waiting, progress)
    good = {name: upload for name, upload in images.items() if not facts_of(job, upload).error}
    _show_problems({name: facts_of(job, upload).error for name, upload in images.items() if name not in good})
    if good:
        _look(job, good, model_has_changed(job))


def _show_problems(problems: dict[str, str | None]) -> None:
    if not problems:
        return
    lines = [f"- **{plain(name)}**: {plain(error)}" for name, error in list(problems.items())[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- … and {len(problems) - MOST_PROBLEMS} more.")
    heading = "1 file was left out" if len(problems) == 1 else f"{len(problems)} files were left out"
    st.warning("\n".join([f"{heading}:", "", *lines]), icon=":material/broken_image:")


# ---- the fragment ----------------------------------------------------------------------------------------------


@st.fragment
def _look(job: Job, images: dict[str, Upload], is_new: bool) -> None:
    left, right = st.columns([13, 7], gap="large")
    with right:
        name = choose_image(list(images)) if len(images) > 1 else next(iter(images))
        upload = images[name]
        page = choose_page(job, upload)
        decision = Decision(choose_threshold(job, is_new), choose_separation(job, is_new))
        figures = st.container()
        opacity_place = st.container()
    try:
        prediction = prediction_of(job, upload, page)
        labels = objects_of(job, upload, page, decision)
        picture = _picture(upload.digest, page, upload, job)
    except UnetError as error:
        left.error(f"**{plain(name)}**: {plain(str(error))}", icon=":material/broken_image:")
        return
    with left:
        chosen = st.segmented_control(
            "View",
            viewer.VIEWS,
            default=viewer.VIEWS[0],
            required=True,
            key=VIEW,
            bind="query-params",
            label_visibility="collapsed",
            wrap=True,
        )
        view = chosen or viewer.VIEWS[0]  # an address may clear it
        with opacity_place:
            opacity = choose_opacity(view)
        viewer.show(picture, prediction, labels, decision.threshold, view, opacity, name, f"{upload.digest}-{page}")
    with figures:
        _show_figures(summary_of(job, upload, page, decision), decision)
    with right:
        show_downloads(job, images, name, labels, decision, opacity)
    if len(images) > 1:
        show_table(job, images, decision)


@st.cache_data(max_entries=32, show_spinner=False)
def _picture(digest: str, page: int, _upload: Upload, _job: Job) -> viewer.Picture:
    return viewer.make_picture(read_upload(_upload, page, _job.settings))


def _show_figures(found: Summary, decision: Decision) -> None:
    kind = "Touching ones are told apart." if decision.separation.separate else "Those that touch count as one."
    with st.container(horizontal=True, gap="medium"):
        st.metric("Nuclei found", f"{found.count:,}", help=f"Areas above the threshold. {kind}")
        st.metric("Area covered", f"{found.covered:.1%}")
