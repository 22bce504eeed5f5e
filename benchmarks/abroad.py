"""Scores on pictures of other laboratories, set by set, with the settings that `python -m unet predict` uses by itself.

    python -m benchmarks.abroad FOLDER [--model FOLDER ...] [--every N] [--thresholds X ...] [--json FILE]
                               [--levers] [--calibration [--svg FILE]] [--run NAME ...] [--time]

Every folder in FOLDER that holds images/ and labels/ is a set; one of dark coloured images is scored as grey, too.
Printed of each: the competition's score, AP at IoU .5 over all its nuclei, Dice, nuclei and how many were found; with
`--thresholds` also what each of these would give, and what is to be gained by choosing the best of them for this set.
`--every 4` takes every fourth image. `--levers` tries all thresholds and four scales around the model's own choice.
`--calibration` says what its probabilities mean there (`benchmarks/calibration.py`). `--run` adds a run's validation
images, seen by the run's model. `--time` adds the time for the maps of 1024x1024 pixels.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from benchmarks.calibration import Calibration, write_svg
from unet.datasets.add import open_dataset
from unet.datasets.inspection import read_labels
from unet.datasets.layouts import find_samples
from unet.evaluation.scores import Scores, count, scores_of
from unet.files import write_json
from unet.io.images import read_image, read_mask
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments
from unet.preprocess.normalize import kind_of
from unet.runs.run import open_run
from unet.settings import DEFAULT_MODEL, read_settings

# An image and the label map of its nuclei.
Pair = tuple[np.ndarray, np.ndarray]
LEVER_THRESHOLDS = tuple(np.arange(0.2, 0.71, 0.05).round(2).tolist())
# Around the scale that the model chose.
LEVER_SCALES = (0.5, 0.71, 1.0, 1.41)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="FOLDER")
    parser.add_argument("--model", type=Path, nargs="+", default=[DEFAULT_MODEL], metavar="FOLDER")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[], metavar="X")
    parser.add_argument("--levers", action="store_true")
    parser.add_argument("--calibration", action="store_true")
    parser.add_argument("--svg", type=Path, metavar="FILE")
    parser.add_argument("--run", nargs="+", default=[], metavar="NAME")
    parser.add_argument("--time", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    flags = parser.parse_args()
    found: dict[str, dict] = {}
    curves: dict[str, Calibration] = {}
    for folder in flags.model:
        predictor = Predictor.open(folder)
        print(f"{folder}, threshold {predictor.info.threshold:g}, {predictor.info.separation}")
        head()
        rows = found.setdefault(str(folder), {})
        for name, pairs in sets_of(flags.path, flags.every):
            rows[name], curves[name] = measure(predictor, name, pairs, flags)
        if flags.time:
            from benchmarks.accuracy import seconds_for

            print(f"1024x1024: {seconds_for(predictor):.2f} s")
    for name in flags.run:
        run = open_run(name, read_settings())
        print(name)
        head()
        rows = found.setdefault(name, {})
        rows[name], curves[name] = measure(
            Predictor.open(run.model_folder), name, lambda run=run: validation_of(run, flags.every), flags
        )
    if flags.svg:
        write_svg(flags.svg, curves)
    if flags.json:
        write_json(flags.json, found)


def sets_of(folder: Path, every: int) -> Iterator[tuple[str, Callable[[], Iterator[Pair]]]]:
    """Yield each set's name and what yields its images; of dark coloured images also as grey."""
    for each in sorted(path for path in folder.iterdir() if (path / "images").is_dir()):
        samples = sorted(find_samples(each)[0], key=lambda sample: sample.id)[::every]

        def pairs(samples=samples, grey: bool = False) -> Iterator[Pair]:
            for sample in samples:
                image = read_image(sample.image)
                yield image.mean(axis=2).round().astype(image.dtype) if grey else image, read_mask(sample.masks[0])

        yield each.name, pairs
        first = read_image(samples[0].image)
        if first.ndim == 3 and kind_of(first).startswith("dark"):
            yield f"{each.name}, grey", lambda pairs=pairs: pairs(grey=True)


def validation_of(run, every: int) -> Iterator[Pair]:
    """Yield the images that a run keeps aside."""
    info = run.info()
    dataset = open_dataset(info.dataset["id"], read_settings())
    files = {sample.id: sample.image for sample in dataset.samples()}
    for sample in info.validation_ids[::every]:
        yield read_image(files[sample]), read_labels(dataset, sample)


def measure(
    predictor: Predictor, name: str, pairs: Callable[[], Iterator[Pair]], flags: argparse.Namespace
) -> tuple[dict, Calibration]:
    """Score a set at all thresholds and scales that are asked for, print and return what was found."""
    own, separation = predictor.info.threshold, predictor.info.separation
    thresholds = sorted({own, *flags.thresholds, *(LEVER_THRESHOLDS if flags.levers else ())})
    factors = LEVER_SCALES if flags.levers else (1.0,)
    counts: dict[tuple[float, float], list] = {(factor, each): [] for factor in factors for each in thresholds}
    curve, scales = Calibration(), []
    for image, truth in pairs():
        usual = predictor.predict(image)
        scale = usual.seen.scale if usual.seen else 1.0
        scales.append(scale)
        for factor in factors:
            other = ImageAdjustments(scale=max(0.1, round(scale * factor, 3)), fit=False)
            prediction = usual if factor == 1 else predictor.predict(image, preparation=other)
            for threshold in thresholds:
                found = find_objects(prediction, threshold, separation)
                counts[factor, threshold].append(count(truth, found))
                if flags.calibration and (factor, threshold) == (1, own):
                    curve.add(prediction.probability, truth, found)
    scores = {key: scores_of(each) for key, each in counts.items()}
    mine = scores[1, own]
    show(name, mine, float(np.mean(scales)))
    for threshold in sorted(flags.thresholds):
        show(f"  at {threshold:g}", scores[1, threshold], float(np.mean(scales)))
    if len(thresholds) > 1:
        best = max(thresholds, key=lambda each: scores[1, each].competition)
        gain = scores[1, best].competition - mine.competition
        print(f"  left to gain by choosing the threshold: {gain:.3f} (at {best:g})")
    if flags.levers:
        best = max(scores, key=lambda each: scores[each].competition)
        gain = scores[best].competition - mine.competition
        print(f"  by threshold and scale: {gain:.3f} (at {best[1]:g}, {best[0]:g} times the scale)", flush=True)
    if flags.calibration:
        print(curve.text(), flush=True)
    rows = [{"scale": factor, "threshold": each, **value.to_dict()} for (factor, each), value in scores.items()]
    return {"own": mine.to_dict(), "all": rows}, curve


def head() -> None:
    print(f"{'':28}{'images':>7}{'score':>8}{'AP .5':>8}{'Dice':>8}{'nuclei':>8}{'found':>8}{'scale':>7}")


def show(name: str, scores: Scores, scale: float) -> None:
    figures = f"{scores.competition:8.3f}{scores.average_precision[0]:8.3f}{scores.dice:8.3f}"
    print(f"{name:28}{scores.images:7d}{figures}{scores.nuclei:8,d}{scores.found:8,d}{scale:7.2f}", flush=True)


if __name__ == "__main__":
    main()
