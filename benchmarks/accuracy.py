"""Scores of several models on the validation images of one run, image sizes as they are, and how fast each is.

    python benchmarks/accuracy.py PATH --run NAME [--groups CSV] [--model FOLDER ...] [--json FILE]

PATH is a dataset (a .zip, a folder or the name of a stored one), NAME a run on it: its validation images are scored,
by default with its own model and every shipped one. A shipped model that has seen them says nothing here; the run's
own has not. The last column is the time for the maps of one image of 1024x1024 pixels, the model warm: the best of
five, in this process.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

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
    parser.add_argument("--run", required=True, metavar="NAME")
    parser.add_argument("--groups", type=Path, metavar="CSV")
    parser.add_argument("--model", type=Path, nargs="+", metavar="FOLDER")
    parser.add_argument("--json", type=Path, metavar="FILE")
    flags = parser.parse_args()
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
