"""What correcting a few images is worth: an annotator that is simulated corrects k of them, and the model learns.

    python -m benchmarks.correct FOLDER --old STAGE1 [--images 1 2 4 8] [--test 12] [--json FILE]

FOLDER is one labelled set, images/ and labels/. Of its images, spread evenly, some are to be corrected and others to be
scored on; what is scored on is never learned. Corrections are the operations of the viewer's Edit mode, applied to what
the model found until its nuclei are those of the truth. Printed for each k: operations, minutes, score and AP at IoU .5
before and after, the same of a dataset that the model knew before (`--old`), and, with `--scratch`, the same images
learned from nothing in as many steps. `--set learning_rate=0.001` tries another setting.
"""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from collections import Counter
from pathlib import Path

import numpy as np
import tifffile

from unet.config import Config
from unet.corrections.operation import CorrectionError, Operation
from unet.corrections.operations import Nuclei, apply
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.datasets.layouts import find_samples
from unet.datasets.samples import Sample
from unet.evaluation.scores import Scores, count, scores_of
from unet.exports.outlines import joined_ring, outlines
from unet.files import write_json
from unet.io.images import read_image, read_mask
from unet.models.registry import find_model
from unet.prediction.objects import narrow
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import Settings
from unet.training.create import create_run
from unet.training.learn import learning_config, rehearsal_for, split_to_learn
from unet.training.process import train_run

# A nucleus that is found as well as this is left as it is: nobody would move its outline.
GOOD = 0.7


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="FOLDER")
    parser.add_argument("--model", default="nuclei", help="a model's name, or a Model folder")
    parser.add_argument("--images", type=int, nargs="+", default=[1, 2, 4, 8], metavar="K")
    parser.add_argument("--aside", type=int, metavar="N", help="images to choose those from (the most of --images)")
    parser.add_argument("--test", type=int, default=12, metavar="N")
    parser.add_argument("--old", metavar="PATH", help="a dataset that the model comes from")
    parser.add_argument("--old-test", type=int, default=40, metavar="N")
    parser.add_argument("--scratch", action="store_true")
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    parser.add_argument("--json", type=Path, metavar="FILE")
    flags = parser.parse_args()
    changes = {name: json.loads(value) for name, _, value in (each.partition("=") for each in flags.set)}
    samples = sorted(find_samples(flags.path)[0], key=lambda sample: sample.id)
    aside = max([*flags.images, flags.aside or 0])
    places = np.linspace(0, len(samples) - 1, flags.test + aside).round().astype(int).tolist()
    # Both sides go through all of the set: its images are often sorted by cell line.
    to_correct = [places[int(at)] for at in np.linspace(0, len(places) - 1, aside).round()]
    test = [samples[place] for place in places if place not in to_correct]
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(home=Path(folder))
        if Path(flags.model).is_dir():
            shutil.copytree(flags.model, settings.models / "start")
            flags.model = "uploaded:start"
        start = find_model(flags.model, settings)
        predictor = Predictor.open(start.folder)
        old = every(open_dataset(flags.old, settings).samples(), flags.old_test) if flags.old else []
        rows = [row_of(0, Counter(), 0.0, score(predictor, test), score_old(predictor, old))]
        show(flags.path.name, rows[0])
        corrected: dict[int, tuple[np.ndarray, Counter[str]]] = {}
        for k in flags.images:
            chosen = [to_correct[int(at)] for at in np.linspace(0, len(to_correct) - 1, k).round()]
            for place in chosen:
                corrected[place] = corrected.get(place) or corrections(samples[place], predictor)
            pairs = [(samples[place], *corrected[place]) for place in chosen]
            operations = sum((done for _, _, done in pairs), Counter())
            config = learning_config(start, k, rehearsal_for(start, settings)).replace(**changes)
            for name, how in {"": config, " from scratch": from_nothing(config)}.items():
                if name and not flags.scratch:
                    continue
                minutes, model = learned(pairs, how, settings)
                row = row_of(k, operations, minutes, score(model, test), score_old(model, old))
                rows.append(row | {"how": name, "threshold": model.info.threshold})
                show(f"k = {k}{name}", row)
    if flags.json:
        write_json(flags.json, {"set": flags.path.name, "changes": changes, "rows": rows})


def every(samples: list[Sample], most: int) -> list[Sample]:
    """Return some of the samples, spread evenly."""
    places = np.linspace(0, len(samples) - 1, min(most, len(samples))).round().astype(int)
    return [samples[place] for place in places]


def from_nothing(config: Config) -> Config:
    return config.replace(start_from="", gentle=False, start_share=0.0, rehearsal=0.0, rehearse="", learning_rate=0.002)


def learned(pairs: list, config: Config, settings: Settings) -> tuple[float, Predictor]:
    """Train on corrected images; return the minutes that it took, and the model."""
    folder = Path(tempfile.mkdtemp(dir=settings.home))
    for part in ("images", "masks"):
        (folder / part).mkdir()
    for sample, labels, _ in pairs:
        shutil.copyfile(sample.image, folder / "images" / f"{sample.id}{sample.image.suffix}")
        tifffile.imwrite(folder / "masks" / f"{sample.id}.tif", narrow(labels), photometric="minisblack")
    dataset = open_dataset(folder, settings)
    report = inspect_dataset(dataset, settings)
    run = create_run(dataset, report, config, settings, "learned", split_to_learn(report, config.training.seed))
    began = time.monotonic()
    train_run(run, settings)
    minutes = (time.monotonic() - began) / 60
    assert run.model_folder
    return minutes, Predictor.open(run.model_folder)


# ---- the annotator ---------------------------------------------------------------------------------------------


def corrections(sample: Sample, predictor: Predictor) -> tuple[np.ndarray, Counter[str]]:
    """Correct what a model found until it is the truth, and count the operations."""
    truth = read_mask(sample.masks[0]).astype(np.uint32)
    prediction = predictor.predict(read_image(sample.image))
    nuclei = Nuclei.of(find_objects(prediction, predictor.info.threshold, predictor.info.separation))
    done: Counter[str] = Counter()

    def do(operation: Operation) -> None:
        nonlocal nuclei
        try:
            nuclei = apply(nuclei, operation, prediction)
            done[operation.kind] += 1
        except CorrectionError:
            pass

    for number in np.unique(truth[truth > 0]).tolist():
        parts, _ = inside(nuclei.labels, truth == number, 0.5)
        if len(parts) > 1:
            do(Operation("merge", numbers=(parts[0], parts[1])))
    for number in np.unique(nuclei.labels[nuclei.labels > 0]).tolist():
        whole, points = inside(truth, nuclei.labels == number, 0.5)
        if len(whole) == 2:
            do(Operation("seeds", points=tuple(points), numbers=(number,)))
    for number in np.unique(truth[truth > 0]).tolist():
        mask = truth == number
        if best_overlap(nuclei.labels, mask) < GOOD:
            do(Operation("draw", points=outline(mask), take=True))
    for number in np.unique(nuclei.labels[nuclei.labels > 0]).tolist():
        if best_overlap(truth, nuclei.labels == number) < 0.5:
            do(Operation("delete", numbers=(number,)))
    return nuclei.labels, done


def inside(labels: np.ndarray, mask: np.ndarray, share: float) -> tuple[list[int], list[tuple[float, float]]]:
    """Return the nuclei of which a share lies in a mask, and a point of each in it."""
    numbers, counts = np.unique(labels[mask], return_counts=True)
    found, points = [], []
    for number, area in zip(numbers.tolist(), counts.tolist(), strict=True):
        if number and area > share * np.count_nonzero(labels == number):
            rows, columns = np.nonzero((labels == number) & mask)
            middle = np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2)
            found.append(number)
            points.append((float(columns[middle]) + 0.5, float(rows[middle]) + 0.5))
    return found, points


def best_overlap(labels: np.ndarray, mask: np.ndarray) -> float:
    """Return the greatest IoU of a mask with a nucleus."""
    numbers, counts = np.unique(labels[mask], return_counts=True)
    area = np.count_nonzero(mask)
    return max(
        (
            shared / (area + np.count_nonzero(labels == number) - shared)
            for number, shared in zip(numbers.tolist(), counts.tolist(), strict=True)
            if number
        ),
        default=0.0,
    )


def outline(mask: np.ndarray) -> tuple[tuple[float, float], ...]:
    """Return a line around a mask, from pixel corner to pixel corner, as a hand would draw it."""
    ring = joined_ring(next(outlines(mask.astype(np.uint8))))
    return tuple((float(x), float(y)) for x, y in ring.tolist())


# ---- scores ----------------------------------------------------------------------------------------------------


def score(predictor: Predictor, samples: list[Sample]) -> Scores:
    info = predictor.info
    return scores_of(
        [
            count(
                read_mask(sample.masks[0]),
                find_objects(predictor.predict(read_image(sample.image)), info.threshold, info.separation),
            )
            for sample in samples
        ]
    )


def score_old(predictor: Predictor, samples: list[Sample]) -> float | None:
    """Return the score on images with one mask a nucleus."""
    if not samples:
        return None
    from unet.datasets.labels import label_sample

    info = predictor.info
    counts = []
    for sample in samples:
        image = read_image(sample.image)
        truth = label_sample(sample, image.shape[:2], 1000).labels
        counts.append(count(truth, find_objects(predictor.predict(image), info.threshold, info.separation)))
    return scores_of(counts).competition


def row_of(k: int, operations: Counter[str], minutes: float, scores: Scores, old: float | None) -> dict:
    return {
        "k": k,
        "operations": sum(operations.values()),
        **dict(operations),
        "minutes": round(minutes, 2),
        "score": scores.competition,
        "AP .5": scores.average_precision[0],
        "old": old,
    }


def show(name: str, row: dict) -> None:
    old = "" if row["old"] is None else f", on what it knew {row['old']:.3f}"
    print(
        f"{name:24} {row['operations']:5d} operations {row['minutes']:6.2f} min   score {row['score']:.3f}"
        f"   AP .5 {row['AP .5']:.3f}{old}",
        flush=True,
    )


if __name__ == "__main__":
    main()
