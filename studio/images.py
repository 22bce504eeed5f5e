"""Choosing the images to predict: uploaded ones, kept on disk at once, or the samples."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import streamlit as st
from PIL import Image

from unet.cache import keep_upload
from unet.data.images import IMAGE_SUFFIXES, count_pages, image_size, read_image
from unet.errors import ImageError
from unet.prediction.render import rgb
from unet.settings import SAMPLE_IMAGES, Settings

UPLOADS = "images_to_predict"


@dataclass(frozen=True)
class ImageFile:
    """An image on disk, with the name that its user knows."""

    name: str
    path: Path

    @property
    def key(self) -> str:
        """What tells it from all other images: uploads are named by their content."""
        stat = self.path.stat()
        return f"{self.path.name}-{stat.st_size}-{stat.st_mtime_ns if self.path.parent == SAMPLE_IMAGES else ''}"


def choose_images(settings: Settings) -> list[ImageFile]:
    """Draw the uploader and the way to the samples; return what was chosen."""
    st.file_uploader(
        "Images to predict",
        type=sorted(suffix.removeprefix(".") for suffix in IMAGE_SUFFIXES),
        accept_multiple_files=True,
        key="predict_upload",
        on_change=_keep_uploads,
        args=(settings,),
        max_upload_size=settings.max_upload_mb,
        help="8 or 16 bit, grey or colour; of multi-page TIFFs the page can be chosen. Nothing leaves this server.",
    )
    for problem in st.session_state.get("upload_problems", []):
        st.error(problem, icon=":material/error:")
    uploads = st.session_state.get(UPLOADS, [])
    if st.query_params.get("samples") == "1":
        return [ImageFile(path.name, path) for path in sorted(SAMPLE_IMAGES.glob("*.png"))]
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button("Use the sample images", icon=":material/photo_library:", on_click=_use_samples)
        if uploads and not st.session_state.get("predict_upload"):
            # The uploader forgets its files when the page is left; what was uploaded is still here.
            st.button("Remove the images", icon=":material/delete:", on_click=_forget_uploads)
    return [upload for upload in uploads if upload.path.exists()]


def _use_samples() -> None:
    st.query_params["samples"] = "1"


def _forget_uploads() -> None:
    st.session_state[UPLOADS] = []


def _keep_uploads(settings: Settings) -> None:
    st.query_params.pop("samples", None)
    kept, problems = [], []
    for file in st.session_state.predict_upload or []:
        try:
            kept.append(ImageFile(file.name, keep_upload(file, file.name, settings)))
        except ImageError as error:
            problems.append(str(error))
        except OSError as error:
            problems.append(
                f"{file.name} could not be stored: {error.strerror or error}. Free some space and try again."
            )
    st.session_state[UPLOADS] = kept
    st.session_state["upload_problems"] = problems


@st.cache_data(max_entries=8, show_spinner=False)
def load_picture(path: Path, key: str, page: int, max_megapixels: int, side: int) -> np.ndarray:
    """Return an image as (height, width, 3) uint8 to look at, no side longer than ``side``."""
    picture = Image.fromarray(rgb(read_image(path, page=page, max_megapixels=max_megapixels)))
    picture.thumbnail((side, side))
    return np.asarray(picture)


@st.cache_data(max_entries=256, show_spinner=False)
def page_count(path: Path, key: str) -> int:
    """Return how many pages a TIFF has; 1 for all else."""
    try:
        image_size(path)
        return count_pages(path)
    except ImageError:
        return 1
