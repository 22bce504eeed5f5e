"""Scores of several models on the validation images of one run, image sizes as they are, and how fast each is.

    python -m benchmarks.accuracy PATH --run NAME [--groups CSV] [--model FOLDER ...] [--json FILE]
    python -m benchmarks.accuracy PATH --unseen [--groups CSV] [--minutes N] [--seeds N ...] [--as-they-are]
                                  [--preset NAME] ...

PATH is a dataset (a .zip, a folder or the name of a stored one), NAME a run on it: its validation images are scored,
by default with its own model and every shipped one. A shipped model that has seen them says nothing here; the run's
own has not. The last column is the time for the maps of one image of 1024x1024 pixels, the model warm: the best of
five, in this process.

With `--unseen` a recipe, given as for `python -m unet train`, is trained once a fold and seed, each fold keeping whole
kinds of images aside, and scored on those. After `--minutes` it stops; the same command goes on from there.
"""

from __future__ import annotations

import argparse
import os
import platform
import time
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from benchmarks.unseen import measure
from unet.cli.arguments import add_config_flags
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.evaluation.evaluate import Evaluation, evaluate
from unet.evaluation.matching import IOU_THRESHOLDS
from unet.files import write_json
from unet.prediction.predictor import Predictor
from unet.runs.run import open_run
from unet.settings import SHIPPED_MODELS, read_settings


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--run", metavar="NAME")
    what.add_argument("--unseen", action="store_true")
    parser.add_argument("--groups", type=Path, metavar="CSV")
    parser.add_argument("--model", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    unseen = parser.add_argument_group("with --unseen")
    unseen.add_argument("--minutes", type=float, default=600.0, metavar="N", help="stop after so long (%(default)s)")
    unseen.add_argument("--seeds", type=int, nargs="+", default=[42], metavar="N")
    unseen.add_argument("--name", default="unseen", help="what the names of the runs begin with (%(default)s)")
    unseen.add_argument("--as-they-are", action="store_true", help="no look at the size of nuclei: one view, at 1x")
    add_config_flags(parser)
    flags = parser.parse_args()
    if flags.unseen:
        found = measure(flags)
        if flags.json:
            write_json(flags.json, found)
        return
    settings = read_settings()
    run = open_run(flags.run, settings)
    dataset = open_dataset(flags.path, settings, groups=flags.groups)
    report = inspect_dataset(dataset, settings)
    ids = run.info().validation_ids
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; {len(ids)} images")
    found = {}
    for folder in flags.model or [run.model_folder, *sorted(SHIPPED_MODELS.iterdir())]:
        predictor = Predictor.open(folder)
        evaluation = evaluate(predictor, dataset, report, settings, ids=ids)
        found[str(folder)] = {**evaluation.to_dict(), "seconds_1024": seconds_for(predictor)}
        show(evaluation, found[str(folder)]["seconds_1024"])
    if flags.json:
        write_json(flags.json, found)


def show(evaluation: Evaluation, seconds: float) -> None:
    print(f"\n{evaluation.model}, threshold {evaluation.threshold:g}, {evaluation.separation}")
    titles = [
        "images",
        "score",
        *(f"AP {threshold:g}" for threshold in IOU_THRESHOLDS[::2]),
        "AP.5-.9",
        "Dice",
        "1024²",
    ]
    print(f"{'':16}" + " ".join(f"{title:>7}" for title in titles))
    for stain in (None, *evaluation.stains()):
        scores = evaluation.scores(stain=stain)
        values = [scores.competition, *scores.average_precision[::2], scores.ap_50_90, scores.dice]
        figures = " ".join(f"{value:7.3f}" for value in values)
        print(f"{stain or 'all':16}{scores.images:7d} {figures} {seconds:6.2f}s")


def seconds_for(predictor: Predictor) -> float:
    """Return the best of five times for the maps of an image of 1024x1024 pixels."""
    image = np.random.default_rng(0).integers(0, 256, (1024, 1024, 3), np.uint8)
    times = []
    for _ in range(7):
        started = time.perf_counter()
        predictor.predict(image)
        times.append(time.perf_counter() - started)
    return min(times[2:])


if __name__ == "__main__":
    main()
