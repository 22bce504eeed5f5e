"""What was found in the chosen images: the viewer, the nuclei, all images. The model has done its work before."""

from __future__ import annotations

import hashlib

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.common.cache_key import Key
from studio.common.progress import progress_bar
from studio.common.text import plain
from studio.predict import viewer
from studio.predict.all_images import open_chosen, show_all_images
from studio.predict.controls import (
    choose_image,
    choose_page,
    choose_pixel_size,
    choose_preparation,
    choose_separation,
    model_has_changed,
    own_threshold,
    page_of,
    read_preparation,
    separation_now,
    set_threshold,
    threshold_now,
    write_preparation,
)
from studio.predict.editor import (
    ask_about_others,
    edit_state,
    show_corrections,
    take_correction,
    touched_numbers,
    viewed,
)
from studio.predict.export_menu import show_export
from studio.predict.nuclei_table import read_ranges, select_nucleus, selected_nucleus, show_nuclei
from studio.predict.pipeline import (
    Decision,
    Job,
    advice_of,
    facts_of,
    measurements_of,
    objects_of,
    predict_uploads,
    prediction_of,
    read_prepared,
    still_to_predict,
)
from studio.predict.prediction_cache import held
from studio.predict.uploads import Upload
from unet.errors import UnetError
from unet.prediction.advice import Advice
from unet.prediction.filters import kept_rows

MOST_PROBLEMS = 8


def show_results(job: Job, images: dict[str, Upload], bar: DeltaGenerator, notices: list[str]) -> None:
    """Predict what is not predicted yet, and show all of it.

    Parameters
    ----------
    job : Job
    images : dict
        By the names that they are shown by.
    bar : DeltaGenerator
        The line above the picture, where one of several images is chosen.
    notices : list of str
        What is to be said besides, in Markdown. It stands beside the picture, which it would else push out of sight.

    Raises
    ------
    ModelError
        If the model cannot be loaded.
    """
    open_chosen()
    _predict(job, images, bar)
    known = {name: facts_of(job, upload) for name, upload in images.items() if job.key(upload) in held().facts}
    good = {name: images[name] for name, facts in known.items() if not facts.error}
    problems = {name: facts.error for name, facts in known.items() if facts.error}
    notices = [*notices, *_problems(problems)]
    if not good:
        show_notices(notices)
        return
    is_new = model_has_changed(job.entry, job.model)
    with bar:
        name = choose_image(list(good)) if len(good) > 1 else next(iter(good))
        page = choose_page(job, good[name])
    try:
        scene = _scene(job.key(good[name], page), job, good[name])
    except UnetError as error:
        show_notices(notices)
        st.error(f"**{plain(name)}**: {plain(str(error))}", icon=":material/broken_image:")
        return
    _send(job, good[name], page, scene)
    _look(job, good, name, page, scene, is_new, notices)


def show_notices(notices: list[str]) -> None:
    """Draw what is to be said of the choice of model and images."""
    for words in notices:
        st.warning(words, icon=":material/warning:")


def _predict(job: Job, images: dict[str, Upload], bar: DeltaGenerator) -> None:
    waiting = still_to_predict(job, list(images.values()))
    # What was cancelled stays so until somebody asks for it, or other images or another model come.
    these = hashlib.blake2b(repr([job.key(upload) for upload in waiting]).encode()).hexdigest()
    if not waiting:
        return
    if st.session_state.get("cancelled") == these:
        bar.button(
            f"Predict the other {len(waiting)}",
            icon=":material/play_arrow:",
            key="go_on",
            on_click=_cancel,
            args=(None,),
            help=f"{len(waiting)} of {len(images)} images are not predicted.",
        )
        return
    place = st.empty()
    with place.container(border=True):
        if len(waiting) > 1 or _is_large(job, waiting[0]):
            # A click runs the page anew, and that ends the work at its next word of progress.
            st.button("Cancel", icon=":material/close:", key="cancel", on_click=_cancel_rest, args=(job, waiting))
        with st.spinner("Loading the model …"):
            job.open()
        with progress_bar("Predicting", "images") as progress, progress_bar("This large one", "tiles") as tiles:
            predict_uploads(job, waiting, progress, tiles)
    place.empty()


def _is_large(job: Job, upload: Upload) -> bool:
    return upload.path.stat().st_size > 8_000_000


def _cancel(these: str | None) -> None:
    st.session_state["cancelled"] = these


def _cancel_rest(job: Job, waiting: list[Upload]) -> None:
    rest = [job.key(upload) for upload in waiting if job.key(upload) not in held().facts]
    _cancel(hashlib.blake2b(repr(rest).encode()).hexdigest())


def _problems(problems: dict[str, str | None]) -> list[str]:
    if not problems:
        return []
    lines = [f"- **{plain(name)}**: {plain(error)}" for name, error in list(problems.items())[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- … and {len(problems) - MOST_PROBLEMS} more.")
    heading = "1 file was left out" if len(problems) == 1 else f"{len(problems)} files were left out"
    return ["\n".join([f"{heading}:", "", *lines])]


# ---- the picture -----------------------------------------------------------------------------------------------


# Some megabytes each: of a session that goes to and fro between images.
@st.cache_resource(max_entries=6, show_spinner="Preparing the picture …")
def _scene(key: Key, _job: Job, _upload: Upload) -> viewer.Scene:
    prediction = prediction_of(_job, _upload, key.page)
    return viewer.make_scene(key.token, read_prepared(_job, _upload, key.page), prediction)


@st.fragment
def _send(job: Job, upload: Upload, page: int, scene: viewer.Scene) -> None:
    decision = Decision(threshold_now(job.entry), separation_now(job.entry))

    def region(rows: slice, columns: slice):
        image = read_prepared(job, upload, page)[rows, columns]
        prediction = prediction_of(job, upload, page).crop(rows, columns)
        return viewer.picture_of(image), prediction, objects_of(job, upload, page, decision)[rows, columns]

    viewer.send(scene, job.key(upload, page, decision).token, region)


# ---- the fragment: the threshold and all that it moves -----------------------------------------------------------


@st.fragment
def _look(
    job: Job,
    images: dict[str, Upload],
    name: str,
    page: int,
    scene: viewer.Scene,
    is_new: bool,
    notices: list[str],
) -> None:
    if read_preparation() != job.preparation:
        st.rerun()  # all images are predicted anew, which is not for this part of the page to do
    upload = images[name]
    left, right = st.columns([13, 6], gap="large")
    with right:
        figures, advice_place = st.container(), st.container()
        show_notices(notices)
        with st.container(border=True):
            st.markdown("**Nuclei**")
            separation = choose_separation(job.entry, is_new)
        with st.expander(
            "Channels, contrast, scale", icon=":material/tune:", key="preparation", expanded=_is_prepared(job)
        ):
            choose_preparation(job, facts_of(job, upload).channels)
            pixel_size = choose_pixel_size(upload)
        export_place = st.container()
    decision = viewed(job, upload, page, Decision(threshold_now(job.entry), separation))
    key = job.key(upload, page, decision)
    found = key.but(corrections=0)  # numbers stay with a nucleus however others are corrected
    try:
        with _patience(scene):
            labels = objects_of(job, upload, page, decision)
            frame = measurements_of(job, upload, page, decision, pixel_size)
    except UnetError as error:
        left.error(f"**{plain(name)}**: {plain(str(error))}", icon=":material/broken_image:")
        return
    ranges = read_ranges()
    kept = set(frame["label"][kept_rows(frame, ranges)]) if ranges else None
    with left:
        viewer.show(
            scene,
            name=name,
            threshold=decision.threshold,
            own=own_threshold(job.entry),
            labels=labels,
            key=key,
            selected=(chosen := selected_nucleus(found.token)),
            kept=kept,
            pixel_size=pixel_size.x if pixel_size else None,
            on_threshold=set_threshold,
            on_selected=lambda number: select_nucleus(found.token, number),
            edit=edit_state(job, upload, page, decision, scene),
            on_correction=lambda sent: take_correction(job, upload, page, decision, sent, chosen),
        )
        show_corrections(job, upload, page, decision, len(frame))
    with figures:
        ask_about_others(job, upload, page, decision)
        _show_figures(len(frame), kept, int(frame["area"].sum()) / labels.size, decision)
    titles = ["Nuclei", f"All {len(images)} images"] if len(images) > 1 else ["Nuclei"]
    tabs = st.tabs(titles, key="below", on_change="rerun")
    with tabs[0]:
        if tabs[0].open:
            show_nuclei(frame, ranges, found.token, touched_numbers(job, upload, page, decision))
    if len(images) > 1:
        with tabs[1]:
            if tabs[1].open:
                show_all_images(job, images, decision)
    # Last what is needed last: each of these takes some milliseconds.
    with advice_place:
        _show_advice(advice_of(job, upload, page, decision), is_kept=kept is None)
    with export_place:
        pages = [(each, upload, page_of(job, upload)) for each, upload in images.items()]
        show_export(job, name, pages, decision, ranges)


def _patience(scene: viewer.Scene):
    """A large image takes some seconds."""
    return (
        st.spinner("Finding nuclei in all of this large image …", show_time=True)
        if scene.size != scene.shown
        else st.empty()
    )


def _is_prepared(job: Job) -> bool:
    return job.preparation != type(job.preparation)()


def _show_figures(count: int, kept: set[int] | None, covered: float, decision: Decision) -> None:
    kind = "Touching nuclei are separated." if decision.separation.separate else "Touching nuclei count as one."
    with st.container(horizontal=True, gap="medium"):
        st.metric("Nuclei found", f"{count:,}", help=f"Objects above the threshold. {kind}", width="content")
        if kept is not None:
            st.metric("Kept", f"{len(kept):,}", help="In the ranges that are chosen below.", width="content")
        st.metric("Area covered", f"{covered:.1%}", width="content")


def _show_advice(advice: Advice | None, is_kept: bool) -> None:
    if advice is None or not is_kept:
        return
    with st.container(border=True, key="advice"):
        st.markdown(f":material/lightbulb: {plain(advice.message)}")
        if advice.action:
            st.button(advice.action, icon=":material/build:", key="remedy", on_click=_mend, args=(advice,))


def _mend(advice: Advice) -> None:
    if advice.threshold is not None:
        set_threshold(advice.threshold)
    if advice.preparation is not None:
        write_preparation(advice.preparation)
