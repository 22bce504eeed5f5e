"""From a folder of images and masks to arrays for training: this project beside the tutorial's loader, in one run.

    python -m benchmarks.loader PATH [--images N]

PATH is a dataset in the tutorial's layout, a folder or a .zip (unpacked first, untimed). Ours registers the folder,
inspects every file, merges the masks to label maps and prepares the arrays, starting from nothing; it runs first, so
that it is the one to pay for what the disk has not read yet. The tutorial's loader is written out below. On all of
stage1_train it takes minutes: with --images N it reads N images spread over the dataset, and its time for all is
extrapolated by the number of pixels, and said to be. On a busy machine, compare the processor times: ours uses all
cores, the tutorial's one.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import tempfile
import time
from pathlib import Path

import numpy as np
from skimage.io import imread
from skimage.transform import resize

from unet.config import preset
from unet.datasets.add import add_folder
from unet.datasets.archive import Limits, extract_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.samples import Sample
from unet.settings import Settings, read_settings
from unet.training.inputs.resized import prepare

HEIGHT, WIDTH, CHANNELS = 128, 128, 3


def _processor_time() -> float:
    """Return the seconds of processor time of this process and of those that it has waited for."""
    return sum(os.times()[:4])


class Clock:
    """Seconds on the wall and of all cores since it was made."""

    def __init__(self):
        self.started = time.perf_counter(), _processor_time()

    def read(self) -> tuple[float, float]:
        return time.perf_counter() - self.started[0], _processor_time() - self.started[1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="PATH")
    parser.add_argument("--images", type=int, metavar="N", help="let the tutorial's loader read N images, not all")
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = dataclasses.replace(read_settings(), home=Path(home))
        folder = flags.path
        if folder.is_file():
            folder = Path(home) / "unpacked"
            folder.mkdir()
            extract_zip(flags.path, folder, Limits.of(settings))
        print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
        ours, samples, pixels = our_loader(folder, settings)
    chosen = samples
    if flags.images and flags.images < len(samples):
        chosen = [samples[index] for index in np.linspace(0, len(samples) - 1, flags.images).astype(int)]
    theirs = tutorial_loader(chosen)
    share = sum(pixels[sample.id] for sample in chosen) / sum(pixels[sample.id] for sample in samples)
    if share < 1:
        theirs = tuple(seconds / share for seconds in theirs)
        print(f"  EXTRAPOLATED from {share:.1%} of the pixels: {theirs[0]:.1f} s, {theirs[1]:.1f} s of processor time")
    print(f"ratio: {theirs[0] / ours[0]:.1f}; in processor time: {theirs[1] / ours[1]:.1f}")


def our_loader(folder: Path, settings: Settings) -> tuple[tuple[float, float], list[Sample], dict[str, int]]:
    """Return the seconds that this project takes with nothing cached, the samples, and the pixels of their files."""
    clock = Clock()
    dataset = add_folder(folder, settings)
    registered = clock.read()[0]
    report = inspect_dataset(dataset, settings)
    inspected = clock.read()[0]
    prepared = prepare(dataset, report, preset("tutorial").model, settings)
    seconds = clock.read()
    size = {sample.id: sample.height * sample.width for sample in report.usable}
    samples = [sample for sample in dataset.samples() if sample.id in size]
    masks = sum(len(sample.masks) for sample in samples)
    print(f"{len(samples)} images, {masks:,} masks, to {prepared.images.shape[1:]} and {prepared.masks.shape[1:]}")
    print(f"ours: {seconds[0]:.1f} s, {seconds[1]:.1f} s of processor time")
    print(
        f"  registered in {registered:.1f} s, inspected in {inspected - registered:.1f} s, "
        f"prepared in {seconds[0] - inspected:.1f} s"
    )
    native = np.mean([sample.foreground for sample in report.usable])
    print(f"  nuclei cover {native:.2%} of an average image, and {prepared.masks.mean():.2%} of the prepared masks")
    return seconds, samples, {sample.id: size[sample.id] * (1 + len(sample.masks)) for sample in samples}


def tutorial_loader(samples: list[Sample]) -> tuple[float, float]:
    """Return the seconds that the tutorial's loader takes: a resize in floating point for each image and each mask."""
    clock = Clock()
    images = np.zeros((len(samples), HEIGHT, WIDTH, CHANNELS), dtype=np.uint8)
    masks = np.zeros((len(samples), HEIGHT, WIDTH, 1), dtype=bool)
    for index, sample in enumerate(samples):
        image = imread(sample.image)[:, :, :CHANNELS]
        images[index] = resize(image, (HEIGHT, WIDTH), mode="constant", preserve_range=True)
        mask = np.zeros((HEIGHT, WIDTH, 1), dtype=bool)
        for path in sample.masks:
            one = resize(imread(path), (HEIGHT, WIDTH), mode="constant", preserve_range=True)
            mask = np.maximum(mask, np.expand_dims(one, axis=-1))
        masks[index] = mask
    seconds = clock.read()
    print(f"tutorial, {len(samples)} images: {seconds[0]:.1f} s, {seconds[1]:.1f} s of processor time")
    print(f"  nuclei cover {masks.mean():.2%} of its masks")
    return seconds


if __name__ == "__main__":
    main()
