"""What a recipe is worth on kinds of images that it has not learned from: `benchmarks/accuracy.py --unseen`.

The kinds of a dataset (`unet/datasets/kinds.py`) make three folds; each training keeps one of them aside. A fold is
scored with the threshold and separation that were chosen on the other two, as somebody with new images has them; the
column `own` says what choosing them on the fold itself would give.
"""

from __future__ import annotations

import argparse
import dataclasses
import time
from collections.abc import Sequence

import numpy as np

from unet.cli.arguments import config_from_flags
from unet.config import Config, Separation
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.datasets.kinds import folds_of_kinds
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset
from unet.errors import RunError
from unet.evaluation.evaluate import evaluate
from unet.evaluation.scores import Scores
from unet.models.metadata import ModelInfo
from unet.prediction.predictor import Predictor
from unet.runs.run import Run, open_run
from unet.settings import Settings, read_settings
from unet.training.create import create_run
from unet.training.process import train_run

FIGURES = ("score", "AP .5", "AP .5-.9", "Dice", "count error")


def measure(flags: argparse.Namespace) -> dict:
    """Train what is not trained yet, as far as the minutes go; print and return the scores of the folds that are."""
    settings = read_settings()
    dataset = open_dataset(flags.path, settings, groups=flags.groups)
    report = inspect_dataset(dataset, settings)
    folds = folds_of_kinds(report.usable)
    for number, kinds in enumerate(folds, 1):
        images = [sample for sample in report.usable if sample.kind in kinds]
        print(f"fold {number}: {', '.join(kinds)}; {len(images)} images, {sum(s.nuclei for s in images):,} nuclei")
    ends = time.monotonic() + 60 * flags.minutes
    found: dict[str, dict] = {}
    for seed in flags.seeds:
        config = config_from_flags(flags).replace(seed=seed)
        runs = [
            trained(f"{flags.name}-{seed}-fold-{number}", config, kinds, dataset, report, settings, ends)
            for number, kinds in enumerate(folds, 1)
        ]
        done = [run for run in runs if run.state().status == "finished"]
        if len(done) < len(runs):
            print(f"seed {seed}: {len(done)} of {len(runs)} folds are trained; the same command goes on.")
            continue
        found[str(seed)] = show(done, dataset, report, settings, flags.as_they_are)
    if len(found) > 1:
        scores = [each["mean"]["score"] for each in found.values()]
        print(f"mean over {len(found)} seeds {np.mean(scores):.3f}, from {min(scores):.3f} to {max(scores):.3f}")
    return found


def trained(
    name: str,
    config: Config,
    kinds: Sequence[str],
    dataset: Dataset,
    report: DatasetReport,
    settings: Settings,
    ends: float,
) -> Run:
    """Return a fold's run: made if need be, and trained until it is finished or the time is over."""
    config = config.replace(held_out=",".join(kinds))
    try:
        run = open_run(name, settings)
        if run.info().config != config:
            raise SystemExit(f"The run “{name}” has other settings; choose another --name.")
    except RunError:
        run = create_run(dataset, report, config, settings, name)

    def watch(state) -> None:
        if time.monotonic() > ends:
            run.stop_request.touch()

    if run.state().status != "finished" and time.monotonic() < ends:
        state = train_run(run, settings, watch)
        if state.status == "stopped" and time.monotonic() < ends:
            raise SystemExit(f"Stopped in “{name}”; the same command goes on.")
    return run


def show(
    runs: Sequence[Run], dataset: Dataset, report: DatasetReport, settings: Settings, as_they_are: bool = False
) -> dict:
    """Score each fold's model on its fold; print a line for each and their mean."""
    print(f"{'':10}{'images':>7}" + "".join(f"{name:>12}" for name in FIGURES) + f"{'own':>9}{'threshold':>11}")
    predictors = [Predictor.open(run.model_folder) for run in runs]
    if as_they_are:
        for predictor in predictors:
            predictor.info = dataclasses.replace(predictor.info, provenance={})
    rows = {}
    for place, (run, predictor) in enumerate(zip(runs, predictors, strict=True)):
        threshold, separation = usual([each.info for each in predictors if each is not predictor])
        arguments = predictor, dataset, report, settings
        ids = run.info().validation_ids
        scores = evaluate(*arguments, threshold=threshold, separation=separation, ids=ids).scores()
        own = evaluate(*arguments, ids=ids).scores()
        rows[f"fold {place + 1}"] = row_of(scores) | {"own": own.competition, "threshold": threshold}
    mean = {key: float(np.mean([row[key] for row in rows.values()])) for key in (*FIGURES, "own", "threshold")}
    rows["mean"] = {"images": sum(row["images"] for row in rows.values()), **mean}
    for title, row in rows.items():
        figures = "".join(f"{row[name]:12.3f}" for name in FIGURES)
        print(f"{title:10}{row['images']:7d}{figures}{row['own']:9.3f}{row['threshold']:11.2f}", flush=True)
    return rows


def row_of(scores: Scores) -> dict[str, float]:
    values = (scores.competition, scores.average_precision[0], scores.ap_50_90, scores.dice, scores.count_error)
    return {"images": scores.images, **dict(zip(FIGURES, values, strict=True))}


def usual(models: Sequence[ModelInfo]) -> tuple[float, Separation]:
    """Return the mean of the settings that models were given for other images."""
    separation = models[0].separation
    for name in ("min_valley_depth", "min_peak_distance", "min_area"):
        mean = float(np.mean([getattr(model.separation, name) for model in models]))
        separation = dataclasses.replace(separation, **{name: round(mean) if name == "min_area" else round(mean, 3)})
    return round(float(np.mean([model.threshold for model in models])), 3), separation
