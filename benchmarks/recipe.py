"""What each part of the `nuclei` recipe brings while it trains: short trainings that differ in one thing each.

    python -m benchmarks.recipe PATH [--groups CSV] [--epochs 3] [--only WORDS ...]

Every training begins from scratch, with the same split, and sees as many crops; its own threshold and separation are
chosen on the validation images, as ever, and its scores there are printed. Short trainings show what helps early, and
differences of 0.01 come by chance: the recipe itself is trained twice, with other crops, to show how much that is.
Runs are kept, named `recipe-...`, and one that is finished is not trained again.
"""

from __future__ import annotations

import argparse
import os
import re
import time
from pathlib import Path
from unittest.mock import patch

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

from unet.config import NUCLEI
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.errors import RunError
from unet.evaluation.evaluate import evaluate
from unet.prediction.predictor import Predictor
from unet.runs.run import open_run
from unet.settings import read_settings
from unet.training import optimizer
from unet.training.create import create_and_train

# What differs from the preset: fields of the configuration, or (in quotes "module:NAME") a constant of the code.
VARIANTS: dict[str, dict] = {
    "the recipe": {},
    "the recipe, other crops": {"crops": 1201},
    "mask only": {"outputs": "mask"},
    "no border head, no border weight": {
        "unet.models.losses:BORDER_WEIGHT": 0.0,
        "unet.models.losses:BORDER_SHARE": 0.0,
    },
    "border pixels weigh as others": {"unet.models.losses:BORDER_WEIGHT": 0.0},
    "cross-entropy alone": {"loss": "crossentropy"},
    "whole images at 256 x 256, mask only": {"resolution": "resized", "outputs": "mask", "input_size": (256, 256)},
    "values as stored": {"intensity": "stored"},
    "grey": {"channels": 1},
    "no batch normalisation": {"normalization": "none"},
    "no flips, no turns": {"flips": False, "quarter_turns": False},
    "no scale jitter": {"scale": 1.0},
    "no photometric augmentation": {"photometric": 0.0},
    "every image alike": {"balance": 0.0},
    "crops anywhere": {"unet.training.inputs.crops:PLACES": 1},
    "crops of 128 x 128": {"input_size": (128, 128)},
    "two convolutions on the way up": {"decoder_convolutions": 2},
    "constant learning rate": {"schedule": "constant"},
    "weights averaged": {"unet.training.optimizer:make_optimizer": None},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--groups", type=Path, metavar="CSV")
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--only", nargs="+", metavar="WORDS", help="variants whose name has one of these words")
    flags = parser.parse_args()
    settings = read_settings()
    dataset = open_dataset(flags.path, settings, groups=flags.groups)
    report = inspect_dataset(dataset, settings)
    stains = (None, "fluorescence", "stained-tissue")
    print(f"{'':40}" + "".join(f"{stain or 'all':>22} |" for stain in stains) + " Dice   min")
    for title, changes in VARIANTS.items():
        if flags.only and not any(words in title for words in flags.only):
            continue
        started = time.monotonic()
        run = trained(title, changes, flags, settings)
        evaluation = evaluate(
            Predictor.open(run.model_folder), dataset, report, settings, ids=run.info().validation_ids
        )
        print(f"{title:40}", end="")
        for stain in stains:
            scores = evaluation.scores(stain=stain)
            print(f" {scores.competition:6.3f} {scores.average_precision[0]:6.3f} {scores.ap_50_90:6.3f}  |", end="")
        print(f" {evaluation.scores().dice:.3f} {(time.monotonic() - started) / 60:5.1f}", flush=True)


def trained(title: str, changes: dict, flags: argparse.Namespace, settings):
    """Return the finished run of a variant, trained now if need be."""
    name = f"recipe-{flags.epochs}-{re.sub('[^a-z0-9]+', '-', title.lower())}"
    try:
        run = open_run(name, settings)
        if run.state().status == "finished":
            return run
        name = f"{name}-again"
    except RunError:
        pass
    constants = {key: value for key, value in changes.items() if ":" in key}
    fields = {key: value for key, value in changes.items() if ":" not in key}
    patches = [patch(key.replace(":", "."), averaging if value is None else value) for key, value in constants.items()]
    for each in patches:
        each.start()
    try:
        config = NUCLEI.replace(epochs=flags.epochs, **fields)
        return create_and_train(flags.path, name=name, config=config, groups=flags.groups, settings=settings)
    finally:
        for each in patches:
            each.stop()


_make_optimizer = optimizer.make_optimizer


def averaging(config, steps: int):
    """Return the recipe's optimizer with a moving average of the weights, taken over at the end of each epoch."""
    made = _make_optimizer(config, steps)
    made.use_ema, made.ema_momentum, made.ema_overwrite_frequency = True, 0.99, None
    return made


if __name__ == "__main__":
    main()
