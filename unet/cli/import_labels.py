"""``import-labels``: from images and other programs' files of nuclei to a dataset to train on."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

import tifffile

from unet.corrections.load import SUFFIXES, read_nuclei
from unet.errors import ImageError
from unet.exports.batch import find_images
from unet.exports.bundle import unique_stems
from unet.files import atomic_path
from unet.io.images import image_size
from unet.prediction.objects import narrow


def import_labels(flags: argparse.Namespace) -> int:
    """Write ``images/`` and ``masks/`` pairs; an image without nuclei, or whose file is refused, is reported."""
    images = find_images(flags.images)
    failed = 0
    for image, stem in zip(images, unique_stems(images), strict=True):
        try:
            source = _file_for(image, flags.labels)
            labels = read_nuclei(source.read_bytes(), source.name, image_size(image), image.name)
        except (ImageError, OSError) as error:
            failed += 1
            print(f"error: {error}", file=sys.stderr)
            continue
        with atomic_path(flags.output / "images" / f"{stem}{image.suffix}") as temporary:
            shutil.copyfile(image, temporary)
        with atomic_path(flags.output / "masks" / f"{stem}.tif") as temporary:
            tifffile.imwrite(temporary, narrow(labels), compression="zlib", photometric="minisblack")
    print(f"{len(images) - failed} of {len(images)} images have their nuclei now: {flags.output}")
    return 1 if failed else 0


def _file_for(image: Path, labels: Path) -> Path:
    """Return the file with an image's nuclei: the one that is named, or of a folder the one with the image's name."""
    if labels.is_file():
        return labels
    # What this program exports has the format's name behind the image's.
    stems = (image.stem, f"{image.stem}_labels", f"{image.stem}_rois", f"{image.stem}_coco")
    found = [path for path in sorted(labels.glob("*")) if path.stem in stems and path.suffix.lower() in SUFFIXES]
    if len(found) != 1:
        names = ", ".join(path.name for path in found) or "none is there"
        raise ImageError(f"{image.name} needs one file of its name with nuclei in {labels}; {names}.")
    return found[0]
