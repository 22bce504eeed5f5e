"""Which file of another program holds an image's nuclei: the one that is named like the image."""

from __future__ import annotations

from pathlib import Path, PurePath

import numpy as np

from unet.corrections.load import SUFFIXES, read_nuclei
from unet.errors import ImageError

# What programs write behind the image's name: this one, Cellpose, and people.
ENDINGS = ("", "_labels", "_rois", "_coco", "_cp_masks", "_masks", "_mask", "_label")


def nuclei_file(image: str, place: Path) -> Path:
    """Return the file with an image's nuclei.

    Parameters
    ----------
    image : str
        The image's file name.
    place : Path
        That file itself, such as COCO of all images, or a folder with one file per image.

    Raises
    ------
    ImageError
        If there is none, or more than one that could be meant.
    """
    if place.is_file():
        return place
    stems = {f"{PurePath(image).stem}{ending}" for ending in ENDINGS}
    found = [path for path in sorted(place.glob("*")) if path.stem in stems and path.suffix.lower() in SUFFIXES]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none is there"
        raise ImageError(f"{image} needs one file of its name with nuclei in {place}; {names}.")
    return found[0]


def read_nuclei_of(image: str, place: Path, size: tuple[int, int], *, may_be_empty: bool = False) -> np.ndarray:
    """Read an image's nuclei from the file of ``nuclei_file``, as ``read_nuclei`` does.

    Raises
    ------
    ImageError
        If there is no such file, or it cannot be read.
    """
    source = nuclei_file(image, place)
    try:
        content = source.read_bytes()
    except OSError as error:
        raise ImageError(f"{source.name} cannot be read: {error.strerror}.") from error
    return read_nuclei(content, source.name, size, PurePath(image).name, may_be_empty=may_be_empty)
