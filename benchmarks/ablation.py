"""What each part of turning maps into nuclei brings, on the validation images of one run.

    python -m benchmarks.ablation PATH --run NAME

One prediction an image (with flips: four); everything else is computed from it. Scores as in benchmarks/accuracy.py.
"""

from __future__ import annotations

import argparse
import dataclasses
import os
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np

from unet.config import Separation
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset, read_labels
from unet.evaluation.scores import count, scores_of
from unet.io.images import read_image
from unet.prediction.maps import Prediction
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.runs.run import open_run
from unet.settings import read_settings

FLIPS = ((1, 1), (-1, 1), (1, -1), (-1, -1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", metavar="PATH")
    parser.add_argument("--run", required=True, metavar="NAME")
    flags = parser.parse_args()
    settings = read_settings()
    run = open_run(flags.run, settings)
    dataset = open_dataset(flags.path, settings)
    predictor = Predictor.open(run.model_folder)
    threshold, own = predictor.info.threshold, predictor.info.separation
    ids = set(run.info().validation_ids)
    files = {sample.id: sample.image for sample in dataset.samples()}
    samples = [sample for sample in inspect_dataset(dataset, settings).usable if sample.id in ids]
    images = [read_image(files[sample.id]) for sample in samples]
    truths = [read_labels(dataset, sample.id) for sample in samples]
    plain = [predictor.predict(image) for image in images]

    def show(title: str, predictions: list[Prediction], find: Callable[[Prediction], np.ndarray]) -> None:
        counts = [count(truth, find(each)) for truth, each in zip(truths, predictions, strict=True)]
        print(f"{title:44}", end="")
        for stain in (None, "fluorescence", "stained-tissue"):
            chosen = [each for sample, each in zip(samples, counts, strict=True) if stain in (None, sample.stain)]
            scores = scores_of(chosen)
            print(f" {scores.competition:6.3f} {scores.average_precision[0]:6.3f} {scores.ap_50_90:6.3f} |", end="")
        print()

    def separated(separation: Separation, at: float = threshold):
        return lambda prediction: find_objects(prediction, at, separation)

    bare = [Prediction(each.levels) for each in plain]
    unbordered = [dataclasses.replace(each, borders=np.zeros_like(each.borders)) for each in plain]
    print(f"{run.name}: threshold {threshold}, {own}\n{'':44}" + "".join("  score  AP .5 AP.5-.9 |" for _ in range(3)))
    show("connected areas", plain, separated(Separation()))
    all_of_them = dataclasses.replace(own, min_peak_distance=0.0, min_area=0)
    show("watershed on the mask's own distance", bare, separated(all_of_them))
    show("watershed on the distance head", unbordered, separated(all_of_them))
    show("  and the border head", plain, separated(all_of_them))
    show("  and unsure shapes left out", plain, separated(dataclasses.replace(own, min_area=0)))
    show("  and small objects left out (as tuned)", plain, separated(own))
    show("  threshold 0.5, depth 0.3: nothing tuned", plain, separated(Separation(separate=True), 0.5))
    show("  mean of four flips", [flipped(predictor, image) for image in images], separated(own))


def flipped(predictor: Predictor, image: np.ndarray) -> Prediction:
    """Predict an image and its mirror images, and return the mean of the maps."""
    found = []
    for rows, columns in FLIPS:
        each = predictor.predict(np.ascontiguousarray(image[::rows, ::columns]))
        found.append([part[::rows, ::columns] for part in (each.probability, each.border, each.distance)])
    mask, border, distance = np.mean(found, axis=0, dtype=np.float32)
    return Prediction.of(mask, border=border, distance=distance)


if __name__ == "__main__":
    main()
