"""Choosing the images to predict: uploaded ones, a dataset's, or the samples. The choice stands in the address."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import streamlit as st

from studio.common.dataset_picker import find_dataset
from studio.common.parameters import DATASET, SAMPLES, UPLOADS
from studio.common.text import plain, short, unique_names
from studio.predict.uploads import Upload, find_uploads, keep_uploads
from unet.datasets.store import Dataset
from unet.digest import digest_of
from unet.errors import UnetError
from unet.io.images import IMAGE_SUFFIXES
from unet.settings import SAMPLE_IMAGES, Settings

FOLDER = "image_folder"


def choose_images(settings: Settings, warn: Callable[[str], object]) -> dict[str, Upload]:
    """Draw one button that opens the choice, where there is one, and return the images by the names they are shown by.

    ``warn`` takes what is to be said of the choice.
    """
    images, gone = _chosen(settings)
    if images:
        _show_choice(images, settings)
    if gone:
        names = ", ".join(plain(name) for name in gone[:5]) + (" …" if len(gone) > 5 else "")
        warn(f"{_count(len(gone))} no longer kept here: {names}. Upload {'it' if len(gone) == 1 else 'them'} again.")
    return dict(zip(unique_names(upload.name for upload in images), images, strict=True))


def _count(number: int) -> str:
    return "1 image is" if number == 1 else f"{number} images are"


def _chosen(settings: Settings) -> tuple[list[Upload], list[str]]:
    key = st.query_params.get(UPLOADS)
    if key:
        images, gone = find_uploads(key, settings)
        return images, gone if images or gone else ["those of this link"]
    if name := st.query_params.get(DATASET):
        dataset = find_dataset(name, settings)
        return (dataset_images(dataset), []) if dataset else ([], [f"the dataset “{name[:100]}”"])
    return (sample_images(), []) if st.query_params.get(SAMPLES) == "1" else ([], [])


def dataset_images(dataset: Dataset) -> list[Upload]:
    """Return the images of a dataset that have no masks, where they lie; if all have some, all of them."""
    samples = dataset.samples()
    bare = [sample for sample in samples if not sample.masks]
    paths = [sample.image for sample in bare or samples]
    return [Upload(path.name, path, _digest(str(path), path.stat().st_mtime_ns)) for path in paths if path.is_file()]


def sample_images() -> list[Upload]:
    """Return the images that the app ships."""
    paths = sorted(path for path in SAMPLE_IMAGES.glob("*") if path.suffix.lower() in IMAGE_SUFFIXES)
    return [Upload(path.name, path, _digest(str(path), path.stat().st_mtime_ns)) for path in paths]


@st.cache_data(max_entries=10_000, show_spinner=False)
def _digest(path: str, changed: int) -> str:
    return digest_of(Path(path).read_bytes())


def _show_choice(images: list[Upload], settings: Settings) -> None:
    # Whether a file holds an image is not known yet.
    kind = "file" if {UPLOADS, DATASET} & {*st.query_params} else "sample image"
    names = ", ".join(plain(short(image.name)) for image in images[:40]) + (" …" if len(images) > 40 else "")
    title = f"{len(images)} {kind}{'s' if len(images) > 1 else ''}"
    # Under the key of other images it is another popover, and a closed one.
    chosen = st.query_params.get(UPLOADS, st.query_params.get(DATASET, SAMPLES))
    with st.popover(title, icon=":material/photo_library:", width="content", key=f"images_{chosen}"):
        st.caption(names)
        upload_images(settings)
        st.button("Start over", icon=":material/close:", key="choose_others", on_click=_forget, type="tertiary")


def upload_images(settings: Settings) -> None:
    """Draw the ways in which images come: from a disk, or those that the app ships."""
    folder = st.session_state.get(FOLDER, False)
    key = f"image_upload_{st.session_state.get('image_uploads', 0)}_{folder}"
    st.file_uploader(
        "Images to predict, all of a folder" if folder else "Images to predict, one or many",
        type=[suffix[1:] for suffix in sorted(IMAGE_SUFFIXES)],
        accept_multiple_files="directory" if folder else True,
        max_upload_size=settings.max_upload_mb,
        key=key,
        on_change=_store,
        args=(key, settings),
        help="PNG, JPEG, BMP or TIFF; 8 or 16 bits or float; grey or colour; of any size. CZI, ND2 and "
        "LIF files have to be exported as TIFF first.",
    )
    if refused := st.session_state.get("images_refused"):
        st.error(plain(refused), icon=":material/error:")
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "Use the sample images",
            icon=":material/science:",
            type="secondary" if _chosen(settings)[0] else "primary",
            key="use_samples",
            on_click=_remember,
            args=(SAMPLES, "1"),
        )
        st.toggle("A whole folder", key=FOLDER, help="Every image in it, and in the folders below it, is predicted.")


def _store(key: str, settings: Settings) -> None:
    """Put what was uploaded on disk at once, and its key into the address."""
    files = st.session_state.get(key) or []
    if not files:
        return
    # A new widget releases the files, which Streamlit holds in memory.
    st.session_state["image_uploads"] = st.session_state.get("image_uploads", 0) + 1
    try:
        _remember(UPLOADS, keep_uploads([(file.name, file) for file in files], settings))
    except UnetError as error:
        st.session_state["images_refused"] = str(error)
    except OSError as error:
        st.session_state["images_refused"] = f"The images could not be stored: {error}"


def _remember(parameter: str, value: str) -> None:
    _forget()
    st.query_params[parameter] = value


def _forget() -> None:
    st.session_state.pop("images_refused", None)
    for parameter in (SAMPLES, UPLOADS, DATASET):
        if parameter in st.query_params:
            del st.query_params[parameter]
