"""The measurements of an image's nuclei, worked out once for each decision."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
import streamlit as st

from studio.common.cache_key import Key
from studio.predict.pipeline import Decision, Job, objects_of, prediction_of, read_page, read_prepared
from studio.predict.uploads import Upload
from unet.io.pixel_size import PixelSize
from unet.prediction.marker import MEAN, Marker, stain_means, stain_of, with_class
from unet.prediction.measure import measure
from unet.prediction.regions import Region, with_regions


def measurements_of(
    job: Job,
    upload: Upload,
    page: int,
    decision: Decision,
    pixel_size: PixelSize | None,
    marker: Marker | None = None,
    regions: Sequence[Region] = (),
) -> pd.DataFrame:
    """Return the measurements of the objects of a page, one row each; the last few are kept."""
    key = job.key(upload, page, decision).but(pixel_size=pixel_size, marker=marker.channel if marker else None)
    # Cheap, and so never kept: by the level at which a nucleus is positive, and by regions.
    return with_regions(with_class(_measurements(key, decision, job, upload), marker), regions)


@st.cache_data(max_entries=256, show_spinner=False)
def _measurements(key: Key, _decision: Decision, _job: Job, _upload: Upload) -> pd.DataFrame:
    labels = objects_of(_job, _upload, key.page, _decision)
    image, prediction = read_prepared(_job, _upload, key.page), prediction_of(_job, _upload, key.page)
    frame = measure(labels, image, prediction.levels, key.pixel_size)
    if key.marker is not None and (stain := stain_of(read_page(_job, _upload, key.page), key.marker)) is not None:
        frame[MEAN] = stain_means(labels, stain, frame["label"].to_numpy())
    return frame
