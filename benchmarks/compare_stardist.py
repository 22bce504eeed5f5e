"""StarDist (Schmidt et al., MICCAI 2018), trained from scratch on one run's side of the split and scored on the other.

    pip install stardist tf-keras
    TF_USE_LEGACY_KERAS=1 python -m benchmarks.compare_stardist PATH --run NAME --minutes 40 [--groups CSV]

The same images, label maps, split and scores as our own model's, for as many minutes of training. StarDist's default
network (32 rays, grid 2), its own augmentation of the examples (flips, turns, intensity) and its own optimisation of
the thresholds on the validation images; images in grey, normalised by percentiles as its examples do, tissue inverted
as ours is. Its learning rate falls, as ours does, over the time that it is given.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")

import numpy as np
from skimage.measure import label

from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.evaluation.matching import IOU_THRESHOLDS
from unet.evaluation.scores import count, scores_of
from unet.io.images import read_image
from unet.preprocess.background import LUMA
from unet.preprocess.normalize import normalize_percentiles
from unet.runs.run import open_run
from unet.settings import read_settings

CROP, BATCH, STEPS = 256, 4, 50
random = np.random.default_rng(0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--run", required=True, metavar="NAME")
    parser.add_argument("--groups", type=Path, metavar="CSV")
    parser.add_argument("--minutes", type=float, default=40)
    flags = parser.parse_args()
    settings = read_settings()
    info = open_run(flags.run, settings).info()
    dataset = open_dataset(flags.path, settings, groups=flags.groups)
    stains = {sample.id: sample.stain for sample in inspect_dataset(dataset, settings).usable}
    files = {sample.id: sample.image for sample in dataset.samples()}

    def load(ids):
        images = [normalize_percentiles(read_image(files[name])) @ (LUMA / 255) for name in ids]
        return images, [label(read_labels(dataset, name)).astype(np.int32) for name in ids]

    train, validation = load(info.train_ids), load(info.validation_ids)
    with tempfile.TemporaryDirectory() as folder:
        model, crops, seconds = fit(train, validation, flags.minutes, folder)
        found = [model.predict_instances(image)[0] for image in validation[0]]
    print(f"{platform.machine()}, {os.cpu_count()} cores; {crops} crops in {seconds / 60:.1f} min; {model.thresholds}")
    counts = [count(*pair) for pair in zip(validation[1], found, strict=True)]
    print(
        f"{'':16}{'images':>7} {'score':>6} "
        + " ".join(f"AP{threshold:.2f}" for threshold in IOU_THRESHOLDS)
        + "   Dice"
    )
    for stain in (None, *sorted({stains[name] for name in info.validation_ids} - {None})):
        chosen = [each for name, each in zip(info.validation_ids, counts, strict=True) if stain in (None, stains[name])]
        scores = scores_of(chosen)
        figures = " ".join(f"{value:6.3f}" for value in (scores.competition, *scores.average_precision, scores.dice))
        print(f"{stain or 'all':16}{scores.images:7d} {figures}")


def fit(train, validation, minutes: float, folder: str):
    """Train until the minutes are over; the learning rate falls along a cosine in time, as ours falls in steps."""
    import tensorflow as tf
    from stardist.models import Config2D, StarDist2D

    config = Config2D(
        n_rays=32,
        grid=(2, 2),
        n_channel_in=1,
        train_patch_size=(CROP, CROP),
        train_batch_size=BATCH,
        train_steps_per_epoch=STEPS,
        train_epochs=10_000,
        train_tensorboard=False,
        train_reduce_lr=None,
    )
    model = StarDist2D(config, name="stardist", basedir=folder)
    model.prepare_for_training()
    started, batches = time.monotonic(), 0

    class Clock(tf.keras.callbacks.Callback):
        def on_train_batch_end(self, batch, logs=None):
            nonlocal batches
            batches += 1
            share = (time.monotonic() - started) / (60 * minutes)
            rate = config.train_learning_rate * 0.5 * (1 + np.cos(np.pi * min(share, 1)))
            tf.keras.backend.set_value(self.model.optimizer.learning_rate, rate)
            self.model.stop_training = share >= 1

    model.callbacks.append(Clock())
    padded = [[at_least(each) for each in part] for part in train]
    # Few images to validate on while it trains: they cost its time and change nothing.
    small = [[at_least(each)[:CROP, :CROP] for each in part[:8]] for part in validation]
    model.train(*padded, validation_data=tuple(small), augmenter=augment, epochs=10_000)
    seconds = time.monotonic() - started
    model.optimize_thresholds(*validation)
    return model, batches * BATCH, seconds


def at_least(array: np.ndarray) -> np.ndarray:
    """Return an image or label map with at least a crop's height and width."""
    return np.pad(array, [(0, max(0, CROP - side)) for side in array.shape])


def augment(image: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Flip, turn and scale the intensity at random, as StarDist's own training example does."""
    turns, flip = random.integers(4), random.random() < 0.5
    image, labels = np.rot90(image, turns), np.rot90(labels, turns)
    if flip:
        image, labels = image[::-1], labels[::-1]
    image = image * random.uniform(0.6, 2) + random.uniform(-0.2, 0.2)
    return image + random.normal(0, 0.02 * random.random(), image.shape), labels


if __name__ == "__main__":
    main()
