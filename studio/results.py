"""What was found: the threshold and all that it moves. One fragment; the model has done its work before."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pandas as pd
import streamlit as st

from studio import viewer
from studio.models import loading_words, open_model
from studio.predictions import (
    Job,
    facts_of,
    predict_uploads,
    prediction_of,
    read_upload,
    still_to_predict,
    summary_of,
    zip_of_everything,
)
from studio.progress import progress_bar
from studio.uploads import Upload
from studio.words import plain
from unet.errors import ImageError, UnetError
from unet.prediction.export import labels_tiff, mask_png
from unet.prediction.objects import Summary, label_objects, threshold_map
from unet.prediction.predictor import Prediction

# Keys of widgets and, at the same time, names in the address.
THRESHOLD, VIEW, OPACITY, IMAGE = "threshold", "view", "opacity", "image"
OPACITY_AT_FIRST = 0.4
MOST_PROBLEMS = 8
# Pixels of all images together up to which the table follows the threshold without being asked.
TABLE_AT_ONCE = 8_000_000


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
        _look(job, good, _threshold_was_reset(job))


def _show_problems(problems: dict[str, str | None]) -> None:
    if not problems:
        return
    lines = [f"- **{plain(name)}**: {plain(error)}" for name, error in list(problems.items())[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- … and {len(problems) - MOST_PROBLEMS} more.")
    heading = "1 file was left out" if len(problems) == 1 else f"{len(problems)} files were left out"
    st.warning("\n".join([f"{heading}:", "", *lines]), icon=":material/broken_image:")


def _threshold_was_reset(job: Job) -> bool:
    """Put the threshold to the model's own when another model is chosen; one from a link stays."""
    before = st.session_state.get("threshold_of", job.model)
    st.session_state["threshold_of"] = job.model
    if before != job.model:
        st.session_state[THRESHOLD] = _own_threshold(job)
    return before != job.model


def _own_threshold(job: Job) -> float:
    return round(job.entry.info.threshold, 2)


# ---- the fragment ----------------------------------------------------------------------------------------------


@st.fragment
def _look(job: Job, images: dict[str, Upload], was_reset: bool) -> None:
    left, right = st.columns([13, 7], gap="large")
    with right:
        name = _choose_image(list(images)) if len(images) > 1 else next(iter(images))
        upload = images[name]
        page = _choose_page(job, upload)
        threshold = _choose_threshold(job, was_reset)
        figures = st.container()
        opacity_place = st.container()
    try:
        prediction = prediction_of(job, upload, page)
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
            opacity = _choose_opacity(view)
        viewer.show(picture, prediction, threshold, view, opacity, name, f"{upload.digest}-{page}")
    with figures:
        _show_figures(summary_of(job, upload, page, threshold))
    with right:
        _downloads(job, images, name, prediction, threshold, opacity)
    if len(images) > 1:
        _table(job, images, threshold)


def _choose_image(names: list[str]) -> str:
    # Of another set of images, perhaps; Streamlit would complain about a name that is no option.
    if st.session_state.get(IMAGE, names[0]) not in names:
        st.session_state[IMAGE] = names[0]
    name = st.selectbox("Image", names, key=IMAGE, bind="query-params")
    place = names.index(name)
    with st.container(horizontal=True, horizontal_alignment="distribute"):
        for step, words, icon, side in (
            (-1, "Previous", "chevron_left", "left"),
            (1, "Next", "chevron_right", "right"),
        ):
            st.button(
                words,
                icon=f":material/{icon}:",
                icon_position=side,
                type="tertiary",
                key=f"image_{words.lower()}",
                disabled=not 0 <= place + step < len(names),
                on_click=_go_to,
                args=(names[(place + step) % len(names)],),
            )
    return name


def _go_to(name: str) -> None:
    st.session_state[IMAGE] = name


def _choose_page(job: Job, upload: Upload) -> int:
    pages = facts_of(job, upload).pages
    if pages <= 1:
        return 0
    key = _page_key(upload)
    return st.number_input(f"Page, 1 to {pages}", 1, pages, 1, key=key, bind="query-params") - 1


def _choose_threshold(job: Job, was_reset: bool) -> float:
    own = _own_threshold(job)
    # A value that was just put into the session state must not meet a default beside it.
    value = {} if was_reset and THRESHOLD in st.session_state else {"value": own}
    threshold = st.slider(
        "Threshold",
        0.0,
        1.0,
        step=0.01,
        key=THRESHOLD,
        bind="query-params",
        help="Pixels with a probability above it are taken for nucleus. Lower finds more, higher is surer.",
        **value,
    )
    if threshold == own:
        st.caption(f"{own:.2f} is the model's own.")
    else:
        st.caption(f"The model's own is {own:.2f}.")
    return threshold


def _choose_opacity(view: str) -> float:
    if view not in viewer.WITH_OPACITY:
        return st.session_state.get("last_opacity", OPACITY_AT_FIRST)
    opacity = st.slider(
        "Opacity",
        0.0,
        1.0,
        OPACITY_AT_FIRST,
        step=0.05,
        key=OPACITY,
        bind="query-params",
        help="Of the mask over the image. 0 leaves the outlines.",
    )
    st.session_state["last_opacity"] = opacity
    return opacity


@st.cache_data(max_entries=32, show_spinner=False)
def _picture(digest: str, page: int, _upload: Upload, _job: Job) -> viewer.Picture:
    return viewer.make_picture(read_upload(_upload, page, _job.settings))


def _show_figures(found: Summary) -> None:
    with st.container(horizontal=True, gap="medium"):
        st.metric(
            "Nuclei found", f"{found.count:,}", help="Connected areas of the mask; those that touch count as one."
        )
        st.metric("Area covered", f"{found.covered:.1%}")


# ---- taking it along -------------------------------------------------------------------------------------------


def _downloads(
    job: Job, images: dict[str, Upload], name: str, prediction: Prediction, threshold: float, opacity: float
) -> None:
    """Draw the buttons; each file is made when its button is pressed."""
    stem = Path(name).stem
    probability = prediction.probability
    pages = [(each, upload, _page_of(job, upload)) for each, upload in images.items()]
    files = (
        ("Mask", "PNG, 0 and 255", f"{stem}_mask.png", "image/png", partial(_mask_file, probability, threshold)),
        (
            "Labels",
            "TIFF: 0 background, 1, 2, 3 … the nuclei",
            f"{stem}_labels.tif",
            "image/tiff",
            partial(_labels_file, probability, threshold),
        ),
        (
            "Everything",
            "A zip: of each image its probability map, mask, label map and overlay; and a table",
            "segmentation.zip",
            "application/zip",
            zip_of_everything(job, pages, threshold, opacity),
        ),
    )
    with st.container(horizontal=True, gap="small"):
        for label, words, file_name, mime, make in files:
            st.download_button(
                label,
                make,
                file_name,
                mime,
                key=f"download_{label.lower()}",
                help=words,
                icon=":material/download:",
                on_click="ignore",
            )


def _mask_file(probability, threshold: float) -> bytes:
    return mask_png(threshold_map(probability, threshold))


def _labels_file(probability, threshold: float) -> bytes:
    return labels_tiff(label_objects(threshold_map(probability, threshold)))


def _page_of(job: Job, upload: Upload) -> int:
    """Return the page that was chosen of an image, also while its widget is not on the page."""
    key = _page_key(upload)
    chosen = str(st.session_state.get(key, st.query_params.get(key, 1)))
    return min(max(int(chosen) if chosen.isdecimal() else 1, 1), facts_of(job, upload).pages) - 1


def _page_key(upload: Upload) -> str:
    return f"page-{upload.digest[:8]}"


def _table(job: Job, images: dict[str, Upload], threshold: float) -> None:
    """Draw what the threshold finds in each image: at once, or if that takes long, when it is opened."""
    pixels = sum(facts_of(job, upload).height * facts_of(job, upload).width for upload in images.values())
    with st.expander(
        f"All {len(images)} images", expanded=pixels <= TABLE_AT_ONCE, key="all_images", on_change="rerun"
    ) as expander:
        if not expander.open:
            return
        rows = []
        for name, upload in images.items():
            try:
                found = summary_of(job, upload, _page_of(job, upload), threshold)
            except ImageError as error:
                rows.append({"Image": name, "Remark": str(error)})
                continue
            facts = facts_of(job, upload)
            rows.append(
                {
                    "Image": name,
                    "Nuclei": found.count,
                    "Covered": found.covered,
                    "Mean area": found.mean_area,
                    "Size": f"{facts.width:,} × {facts.height:,}",
                }
            )
        st.dataframe(
            pd.DataFrame(rows),
            hide_index=True,
            column_config={
                "Covered": st.column_config.ProgressColumn(format="percent", min_value=0, max_value=1),
                "Mean area": st.column_config.NumberColumn(format="%.0f px"),
            },
            alt=f"Nuclei, covered area and size of each of {len(images)} images at threshold {threshold:.2f}",
        )
        total = sum(row.get("Nuclei", 0) for row in rows)
        st.caption(f"{total:,} nuclei in all at threshold {threshold:.2f}.")
