"""Putting an image and its corrected nuclei into a dataset of one's own, to learn from."""

from __future__ import annotations

import streamlit as st

from studio.common.parameters import DATASET, MODEL
from studio.common.text import plain, told
from studio.common.visitor import visitor
from studio.predict.pipeline import Decision, Job, objects_of, read_prepared
from studio.predict.uploads import Upload
from unet.datasets.own import LONGEST_NAME, add_image, create_own, own_datasets
from unet.datasets.samples import Box
from unet.datasets.store import Dataset
from unet.errors import UnetError
from unet.settings import Settings

SAVED = "training_saved"
NEW = ""
ALL, PART = "All of the image", "A part of it"


def save_as_training(job: Job, upload: Upload, page: int, decision: Decision, name: str) -> None:
    """Draw the way in which corrected nuclei become something to learn from."""
    with st.popover("Save as training data", icon=":material/school:", width="stretch", key="save_training"):
        st.caption("Once the nuclei are right, a model can learn from them: the image and its nuclei are kept.")
        mine = {dataset.id: dataset for dataset in _mine(job.settings)}
        place = st.selectbox(
            "Dataset",
            [*mine, NEW],
            format_func=lambda key: mine[key].name if key else "A new one …",
            key="training_dataset",
        )
        title = (
            "" if place else st.text_input("Its name", "My corrections", max_chars=LONGEST_NAME, key="training_name")
        )
        height, width = objects_of(job, upload, page, decision).shape
        finished = _finished(height, width)
        st.button(
            "Save",
            icon=":material/save:",
            type="primary",
            key="training_save",
            on_click=_save,
            args=(job, upload, page, decision, name, place, title, finished),
        )
        _say_what_is_saved(job)


def _finished(height: int, width: int) -> tuple[Box, ...]:
    """Choose what of the image is finished; empty: all of it."""
    how = st.segmented_control(
        "Where all nuclei are right", [ALL, PART], default=ALL, required=True, key="training_finished"
    )
    if how == ALL:
        return ()
    left, right = st.slider("From left to right, pixels", 0, width, (0, width), key="training_across")
    top, bottom = st.slider("From top to bottom, pixels", 0, height, (0, height), key="training_down")
    st.caption("Only this part is learned from. Save once more for a second part of the same image.")
    return ((left, top, max(right, left + 1), max(bottom, top + 1)),)


def _mine(settings: Settings) -> list[Dataset]:
    who = visitor(settings)
    return [dataset for dataset in own_datasets(settings) if who.may_change(dataset.folder)]


def _save(
    job: Job,
    upload: Upload,
    page: int,
    decision: Decision,
    name: str,
    place: str,
    title: str,
    finished: tuple[Box, ...],
) -> None:
    try:
        dataset = next((each for each in _mine(job.settings) if each.id == place), None)
        if dataset is None:
            dataset = create_own(title, job.settings)
            visitor(job.settings).claim(dataset.folder)
        image = read_prepared(job, upload, page)
        digest = f"{upload.digest[:6]}{page:02d}"
        height, width = image.shape[:2]
        inside = tuple(
            (min(x, width - 1), min(y, height - 1), min(right, width), min(bottom, height))
            for x, y, right, bottom in finished
        )
        dataset = add_image(
            dataset, job.settings, name, digest, image, objects_of(job, upload, page, decision), inside, more=True
        )
        st.session_state["training_dataset"] = dataset.id
        st.session_state[SAVED] = (dataset.id, "")
    except (UnetError, OSError) as error:
        st.session_state[SAVED] = (place, str(error))


def _say_what_is_saved(job: Job) -> None:
    dataset_id, problem = st.session_state.pop(SAVED, ("", ""))
    if problem:
        st.error(told(problem), icon=":material/error:")
        return
    dataset = next((each for each in _mine(job.settings) if each.id == dataset_id), None)
    if dataset is None:
        return
    count = len(dataset.samples())
    st.success(
        f"Saved. **{plain(dataset.name)}** holds {count} image{'s' if count > 1 else ''}.", icon=":material/check:"
    )
    st.page_link(
        "pages/train.py",
        label="**Improve the model** with it",
        icon=":material/model_training:",
        query_params={DATASET: dataset.id, MODEL: job.entry.key},
    )
