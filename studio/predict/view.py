"""What was found in the chosen images: the viewer, the nuclei, all images. The model has done its work before."""

from __future__ import annotations

from contextlib import AbstractContextManager

import numpy as np
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.common.cache_key import Key
from studio.common.parameters import DATASET, MODEL, PICTURE, SAMPLES, UPLOADS
from studio.common.text import plain, told
from studio.predict import viewer
from studio.predict.adjustments import choose_preparation, read_preparation
from studio.predict.all_images import open_chosen, show_all_images
from studio.predict.all_nuclei import show_all_nuclei
from studio.predict.channels import show_channels
from studio.predict.compare import TAKEN, other_decision, show_agreement, show_other, show_title
from studio.predict.editor import (
    ask_about_others,
    choose_nuclei_file,
    edit_state,
    offer_empty,
    show_corrections,
    take_correction,
    touched_numbers,
    viewed,
)
from studio.predict.export_menu import decisions_of, show_export
from studio.predict.figures import show_advice, show_figures
from studio.predict.measurements import measurements_of
from studio.predict.nuclei_table import read_ranges, select_nucleus, selected_nucleus, show_nuclei
from studio.predict.pipeline import (
    Decision,
    Job,
    advice_of,
    facts_of,
    objects_of,
    prediction_of,
    read_prepared,
)
from studio.predict.positive import choose_marker, marker_now, set_level
from studio.predict.positive import for_viewer as marker_for_viewer
from studio.predict.prediction_cache import predictions
from studio.predict.regions import for_viewer as regions_for_viewer
from studio.predict.regions import regions_of, show_regions, take_region
from studio.predict.save_training import save_as_training
from studio.predict.separation import choose_separation, separation_now
from studio.predict.shown_image import choose_image, choose_page, choose_pixel_size, page_of
from studio.predict.stack import page_key
from studio.predict.threshold import model_has_changed, own_threshold, set_threshold, threshold_now
from studio.predict.uploads import Upload, looked_at
from studio.predict.waiting import predict_missing, problems_of, show_notices
from unet.errors import UnetError
from unet.prediction.filters import kept_rows
from unet.prediction.maps import Prediction


def show_results(
    job: Job, other: Job | None, images: dict[str, Upload], bar: DeltaGenerator, notices: list[str]
) -> None:
    """Predict what is not predicted yet, and show all of it.

    Parameters
    ----------
    job : Job
    other : Job, optional
        A second model, which is shown beside the first on the image that is looked at.
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
    predict_missing(job, images, bar)
    known = {name: facts_of(job, upload) for name, upload in images.items() if job.key(upload) in predictions().facts}
    good = {name: images[name] for name, facts in known.items() if not facts.error}
    problems = {name: facts.error for name, facts in known.items() if facts.error}
    notices = [*notices, *problems_of(problems)]
    if not good:
        show_notices(notices)
        return
    is_new = model_has_changed(job.entry, job.model)
    with bar:
        name = choose_image(list(good)) if len(good) > 1 else next(iter(good))
        page = choose_page(job, good[name])
    try:
        scene = _scene(job.key(good[name], page), "pixels", job, good[name])
        second = (other, _scene(other.key(good[name], page), "pixels_other", other, good[name])) if other else None
    except UnetError as error:
        show_notices(notices)
        st.error(f"**{plain(name)}**: {told(error)}", icon=":material/broken_image:")
        return
    _send(job, good[name], page, scene)
    if second:
        _send(second[0], good[name], page, second[1], "pixels_other")
    _look(job, second, good, name, page, scene, is_new, notices)


# ---- the picture -----------------------------------------------------------------------------------------------


# Some megabytes each: of a session that goes to and fro between images.
@st.cache_resource(max_entries=6, show_spinner="Preparing the picture …")
def _scene(key: Key, mount: str, _job: Job, _upload: Upload) -> viewer.Scene:
    prediction = prediction_of(_job, _upload, key.page)
    return viewer.make_scene(f"{key.token}-{mount}", read_prepared(_job, _upload, key.page), prediction, mount)


@st.fragment
def _send(job: Job, upload: Upload, page: int, scene: viewer.Scene, mount: str = "pixels") -> None:
    is_first = mount == "pixels"
    now = Decision(threshold_now(job.entry), separation_now(job.entry))
    decision = viewed(job, upload, page, now) if is_first else other_decision(job)

    def region(rows: slice, columns: slice) -> tuple[np.ndarray, Prediction, np.ndarray]:
        image = read_prepared(job, upload, page)[rows, columns]
        prediction = prediction_of(job, upload, page).crop(rows, columns)
        return viewer.picture_of(image, scene.range), prediction, objects_of(job, upload, page, decision)[rows, columns]

    viewer.send(scene, job.key(upload, page, decision).token, region, mount)


def _link_inside(upload: Upload) -> None:
    """Draw the way to the page that shows what happens to this image in the network."""
    same = (MODEL, UPLOADS, DATASET, SAMPLES, page_key(upload))
    chosen = {name: st.query_params[name] for name in same if name in st.query_params}
    st.page_link(
        "pages/inside.py",
        label="See how the model saw this",
        icon=":material/layers:",
        query_params={**chosen, PICTURE: upload.digest},
    )


# ---- the fragment: the threshold and all that it moves -----------------------------------------------------------


@st.fragment
def _look(
    job: Job,
    second: tuple[Job, viewer.Scene] | None,
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
    looked_at(upload, job.settings)
    left, beside = st.columns([13, 13 if second else 6], gap="large")
    with st.container() if second else beside:
        figures, channels_place, advice_place = st.container(), st.container(), st.container()
        _link_inside(upload)
        show_notices(notices)
        with st.container(border=True):
            st.markdown("**What counts as a nucleus**")
            separation = choose_separation(job.entry, is_new)
        with st.expander(
            "Channels, contrast, scale", icon=":material/tune:", key="preparation", expanded=_is_prepared(job)
        ):
            choose_preparation(job, facts_of(job, upload).channels)
            pixel_size = choose_pixel_size(upload)
            choose_marker(facts_of(job, upload).channels)
        export_place = st.container()
    decision = viewed(job, upload, page, Decision(threshold_now(job.entry), separation))
    key = job.key(upload, page, decision)
    regions = regions_of(job, upload, page)
    found = key.but(corrections=0)  # numbers stay with a nucleus however others are corrected
    try:
        with _patience(scene):
            labels = objects_of(job, upload, page, decision)
            marker = marker_now(lambda marker: measurements_of(job, upload, page, decision, pixel_size, marker))
            frame = measurements_of(job, upload, page, decision, pixel_size, marker, regions)
    except UnetError as error:
        left.error(f"**{plain(name)}**: {told(error)}", icon=":material/broken_image:")
        return
    ranges = read_ranges()
    counted = frame[kept_rows(frame, ranges)]
    kept = set(counted["label"]) if ranges else None
    with left:
        if second:
            show_title(job, len(frame))
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
            **({"taken": TAKEN} if second else {}),
            on_threshold=set_threshold,
            on_selected=lambda number: select_nucleus(found.token, number),
            more={
                **edit_state(job, upload, page, decision, scene),
                "marker": marker_for_viewer(frame, marker),
                "regions": regions_for_viewer(counted, regions),
            },
            told={
                "correction": lambda sent: take_correction(job, upload, page, decision, sent, chosen),
                "region": lambda sent: take_region(job, upload, page, sent),
                "level": lambda level: set_level(float(level), marker.channel) if marker else None,
            },
        )
        show_corrections(job, upload, page, decision, len(frame))
        show_regions(job, upload, page, counted, regions, pixel_size)
    if second:
        with beside:
            theirs = show_other(second[0], upload, page, second[1], name)
        with figures:
            show_agreement((job, second[0]), (labels, theirs))
    with figures:
        ask_about_others(job, upload, page, decision)
        show_figures(frame, kept, labels.size, decision)
    with channels_place:
        if seen := prediction_of(job, upload, page).seen:
            show_channels(job, seen.channels)
            if seen.text:
                st.caption(f"{seen.text[0].upper()}{seen.text[1:]}. Another scale: *Channels, contrast, scale* below.")
    titles = ["Measurements", *([f"All {len(images)} images", "Groups of images"] if len(images) > 1 else [])]
    tabs = st.tabs(titles, key="below", on_change="rerun")
    with tabs[0]:
        if tabs[0].open:
            show_nuclei(frame, ranges, found.token, touched_numbers(job, upload, page, decision))
    if len(images) > 1:
        with tabs[1]:
            if tabs[1].open:
                show_all_images(job, images, decision)
        with tabs[2]:
            if tabs[2].open:
                show_all_nuclei(job, images, decision, ranges, decisions_of(job, decision, ranges))
    # Last what is needed last: each of these takes some milliseconds.
    with advice_place:
        show_advice(advice_of(job, upload, page, decision), is_kept=kept is None)
    with export_place:
        pages = [(each, upload, page_of(job, upload)) for each, upload in images.items()]
        show_export(job, name, pages, decision, ranges)
        choose_nuclei_file(job, upload, page, decision, name)
        offer_empty(job, upload, page, decision, len(frame))
        if job.entry.info.config.classes == 1:
            save_as_training(job, upload, page, decision, name)


def _patience(scene: viewer.Scene) -> AbstractContextManager[object]:
    """Return a spinner for a large image, which takes some seconds."""
    return (
        st.spinner("Finding nuclei in all of this large image …", show_time=True)
        if scene.size != scene.shown
        else st.empty()
    )


def _is_prepared(job: Job) -> bool:
    return job.preparation != type(job.preparation)()
