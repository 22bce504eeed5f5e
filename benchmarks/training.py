"""Images a second of `train` beside the tutorial's plain `model.fit`, on the same arrays, in one run.

    python -m benchmarks.training PATH [--epochs 4]

PATH is a dataset (a .zip or a folder); without it the synthetic sample serves. Whole epochs are timed, validation
included, and for `train` also what it keeps of each epoch: metrics, previews, best model, checkpoint, event files.
The first epoch of both, in which TensorFlow compiles, does not count.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
import platform
import statistics
import tempfile
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from unet.config import preset
from unet.datasets.add import add_sample, open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.settings import read_settings
from unet.training.create import create_run
from unet.training.inputs.resized import prepare
from unet.training.process import train_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", nargs="?", metavar="PATH")
    parser.add_argument("--epochs", type=int, default=4)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        settings = dataclasses.replace(read_settings(), home=Path(home))
        dataset = open_dataset(flags.path, settings) if flags.path else add_sample(settings)
        config = preset("tutorial").replace(epochs=flags.epochs, patience=0)
        report = inspect_dataset(dataset, settings)
        prepared = prepare(dataset, report, config.model, settings)
        run = create_run(dataset, report, config, settings)
        order = [prepared.ids.index(sample) for sample in (*run.info().train_ids, *run.info().validation_ids)]
        images, masks = prepared.images[order], prepared.masks[order]
        samples = len(run.info().train_ids)

        plain = plain_fit(images, masks, samples, config)
        ours = our_train(run, settings)
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(f"{samples} training images of 128x128x3, batch size {config.training.batch_size}, {flags.epochs} epochs")
    for name, seconds in (("model.fit", plain), ("train", ours)):
        speeds = [samples / value for value in seconds]
        print(f"{name:10} {statistics.median(speeds):6.1f} images/s ({min(speeds):.1f} to {max(speeds):.1f})")
    print(f"ratio train / model.fit: {statistics.median(plain) / statistics.median(ours):.2f}")


def plain_fit(images: np.ndarray, masks: np.ndarray, samples: int, config) -> list[float]:
    """Return the seconds of each epoch after the first, trained as the tutorial does."""
    import keras

    from unet.models.network import build_unet

    class Clock(keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.ends = []

        def on_epoch_end(self, epoch, logs=None):
            self.ends.append(time.perf_counter())

    model = build_unet(config.model)
    model.compile(optimizer="adam", loss="binary_crossentropy", metrics=["accuracy"])
    clock = Clock()
    model.fit(
        images,
        masks[..., None].astype(bool),
        validation_split=1 - samples / len(images),
        batch_size=config.training.batch_size,
        epochs=config.training.epochs,
        callbacks=[clock],
        verbose=0,
    )
    return list(np.diff(clock.ends))


def our_train(run, settings) -> list[float]:
    """Return the seconds of each epoch after the first, with all that a run keeps."""
    starts = {}
    train_run(run, settings, lambda state: starts.setdefault(state.epoch, time.perf_counter()))
    starts[max(starts) + 1] = time.perf_counter()
    starts.pop(0, None)
    return list(np.diff([starts[epoch] for epoch in sorted(starts)])[1:])


if __name__ == "__main__":
    main()
