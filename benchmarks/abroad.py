"""Scores on pictures of other laboratories, set by set, with the settings that `python -m unet predict` uses by itself.

    python -m benchmarks.abroad FOLDER [--model FOLDER ...] [--every N] [--thresholds X ...] [--json FILE]

Every folder in FOLDER that holds images/ and labels/ is a set. Printed of each: the competition's score, AP at IoU .5
over all its nuclei, Dice, nuclei and how many were found; with `--thresholds` also what each of these would give, and
what is to be gained by choosing the best of them for this set. `--every 4` takes every fourth image.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from unet.datasets.layouts import find_samples
from unet.evaluation.scores import Scores, count, scores_of
from unet.files import write_json
from unet.io.images import read_image, read_mask
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import DEFAULT_MODEL


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path, metavar="FOLDER")
    parser.add_argument("--model", type=Path, nargs="+", default=[DEFAULT_MODEL], metavar="FOLDER")
    parser.add_argument("--every", type=int, default=1, metavar="N")
    parser.add_argument("--thresholds", type=float, nargs="+", default=[], metavar="X")
    parser.add_argument("--json", type=Path, metavar="FILE")
    flags = parser.parse_args()
    found: dict[str, dict] = {}
    for folder in flags.model:
        predictor = Predictor.open(folder)
        own = predictor.info.threshold
        print(f"{folder}, threshold {own:g}, {predictor.info.separation}")
        print(f"{'':24}{'images':>7}{'score':>8}{'AP .5':>8}{'Dice':>8}{'nuclei':>8}{'found':>8}{'scale':>7}")
        for each in sorted(path for path in flags.path.iterdir() if (path / "images").is_dir()):
            scores, scale = score(predictor, each, flags.every, {own, *flags.thresholds})
            show(each.name, scores[own], scale)
            for threshold in sorted(flags.thresholds):
                show(f"  at {threshold:g}", scores[threshold], scale)
            if flags.thresholds:
                gain = max(other.competition for other in scores.values()) - scores[own].competition
                print(f"  left to gain by choosing the threshold: {gain:.3f}")
            found.setdefault(str(folder), {})[each.name] = {t: value.to_dict() for t, value in scores.items()}
    if flags.json:
        write_json(flags.json, found)


def score(predictor: Predictor, folder: Path, every: int, thresholds: set[float]) -> tuple[dict[float, Scores], float]:
    """Return the scores of a set at each threshold, and the mean scale at which its images were seen."""
    counts: dict[float, list] = {threshold: [] for threshold in thresholds}
    scales = []
    for sample in sorted(find_samples(folder)[0], key=lambda sample: sample.id)[::every]:
        truth = read_mask(sample.masks[0])
        prediction = predictor.predict(read_image(sample.image))
        scales.append(prediction.seen.scale if prediction.seen else 1.0)
        for threshold, so_far in counts.items():
            so_far.append(count(truth, find_objects(prediction, threshold, predictor.info.separation)))
    return {threshold: scores_of(so_far) for threshold, so_far in counts.items()}, sum(scales) / len(scales)


def show(name: str, scores: Scores, scale: float) -> None:
    figures = f"{scores.competition:8.3f}{scores.average_precision[0]:8.3f}{scores.dice:8.3f}"
    print(f"{name:24}{scores.images:7d}{figures}{scores.nuclei:8,d}{scores.found:8,d}{scale:7.2f}", flush=True)


if __name__ == "__main__":
    main()
