"""Choosing what goes through the network: an image, and a square of it."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.common.parameters import LEFT, PICTURE, SIDE, TOP
from studio.common.text import unique_names
from studio.common.url_state import choose_in_address, whole_number_in_address
from studio.inside.point import point_at_square
from studio.inside.subject import SIDES, Subject, read_whole
from studio.predict.image_picker import choose_images, sample_images, upload_images
from studio.predict.stack import page_key, page_now
from studio.predict.uploads import Upload
from unet.config import ModelConfig
from unet.io.images import count_pages
from unet.models.registry import ModelEntry
from unet.settings import Settings


def choose_subject(entry: ModelEntry, settings: Settings, bar: DeltaGenerator) -> Subject:
    """Draw the choices in a line, and return what is looked at: a sample's middle, if nothing was chosen.

    Raises
    ------
    ImageError, ModelError
        If the image or the model cannot be read.
    """
    with bar:
        images = choose_images(settings, st.warning)
        if not images:
            samples = sample_images()
            images = dict(zip(unique_names(each.name for each in samples), samples, strict=True))
            with st.popover("Your own image", icon=":material/upload:", width="content"):
                upload_images(settings)
        options = {each.digest: name for name, each in images.items()}
        # The one with touching nuclei shows most.
        first = sorted(options, key=lambda digest: "touching" not in options[digest])
        digest = choose_in_address("Image", {key: options[key] for key in first}, PICTURE, label_visibility="collapsed")
        upload = next(each for each in images.values() if each.digest == digest)
        # That which was looked at on Predict, where one comes from there.
        page = 0
        if page_key(upload) in st.query_params:
            page = page_now(upload, count_pages(upload.path, name=upload.name))
        return Subject.of(entry, upload, _crop(entry.info.config, upload, page, settings), settings, page)


def _crop(config: ModelConfig, upload: Upload, page: int, settings: Settings) -> tuple[int, int, int]:
    height, width = read_whole(upload, settings, page).shape[:2]
    with st.popover("Which part", icon=":material/crop:", width="content"):
        st.caption("Drag the frame over the image, or select it and move it with the arrow keys.")
        picture = st.container()
        sides = {str(each): f"{each} × {each} pixels" for each in SIDES}
        side = int(choose_in_address("Size", {key: sides[key] for key in ("128", "64", "256")}, SIDE))
        lowest, rightmost = max(0, height - side), max(0, width - side)
        top = whole_number_in_address("Pixels from the top", TOP, 0, max(height, 1), lowest // 2)
        left = whole_number_in_address("Pixels from the left", LEFT, 0, max(width, 1), rightmost // 2)
        st.caption(
            "The square is given to the network by itself: near its edge values differ from those of the whole image."
        )
        if not config.is_native:
            height, seen_width = config.input_size
            st.caption(
                f"This model sees everything at {seen_width} × {height} pixels: the square here, the whole image on "
                "Predict. Choose the size at which nuclei look as large as in a whole image made so small."
            )
    top, left = min(top, lowest), min(left, rightmost)
    with picture:
        point_at_square(upload, page, top, left, side, settings)
    return top, left, side
