"""``import-labels``: from images and other programs' files of nuclei to a dataset to train on."""

from __future__ import annotations

import argparse
import shutil
import sys

import tifffile

from unet.corrections.by_name import read_nuclei_of
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
            labels = read_nuclei_of(image.name, flags.labels, image_size(image))
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
