"""What the commands of the command line do. Each takes the parsed flags and returns the exit code."""

from __future__ import annotations

import argparse
import contextlib
import os
import runpy
import sys
import time
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING

from unet.cli.arguments import config_from_flags, separation_from_flags
from unet.cli.progress import progress, training_bar
from unet.errors import RunError
from unet.files import atomic_path, write_json
from unet.models.registry import find_model
from unet.runs.run import Run, list_runs, open_run
from unet.settings import DEFAULT_MODEL, PROJECT, Settings, read_settings
from unet.spreadsheets import csv_of_frame

if TYPE_CHECKING:
    from unet.datasets.samples import DatasetReport


def run(options: argparse.Namespace) -> int:
    """Open the app; returns when it is closed."""
    os.environ["UNET_HOME"] = str(read_settings().home)  # a relative one is meant from here
    if options.host in ("127.0.0.1", "::1", "localhost"):
        os.environ.setdefault("UNET_LOCAL_FOLDERS", "on")  # whoever starts it so sits at this machine
    os.chdir(PROJECT)  # Streamlit reads its settings from the folder that it is started in
    sys.argv = ["streamlit", "run", "streamlit_app.py", "--server.address", options.host]
    sys.argv += ["--server.port", str(options.port)]
    runpy.run_module("streamlit", run_name="__main__", alter_sys=True)
    return 0


def inspect(flags: argparse.Namespace) -> int:
    """Print what is in a dataset and what is wrong with it."""
    from unet.datasets.add import open_dataset
    from unet.datasets.inspection import inspect_dataset
    from unet.datasets.kinds import folds_of_kinds, table_of_kinds

    settings = read_settings()
    with progress("Storing") as update:
        dataset = open_dataset(flags.path, settings, groups=flags.groups, progress=update)
    with progress("Inspecting") as update:
        report = inspect_dataset(dataset, settings, progress=update)
    print_report(report)
    if flags.kinds:
        with atomic_path(flags.kinds) as temporary:
            temporary.write_text(csv_of_frame(table_of_kinds(report.usable)), encoding="utf-8", newline="")
        for kinds in folds_of_kinds(report.usable):
            print(f"  a fold of kinds: --held-out {','.join(kinds)}")
        print(f"Groups and kinds: {flags.kinds}")
    if flags.csv:
        with atomic_path(flags.csv) as temporary:
            temporary.write_text(csv_of_frame(report.to_frame()), encoding="utf-8", newline="")
        print(f"One row per sample: {flags.csv}")
    return 0 if report.usable or report.to_predict else 1


def print_report(report: DatasetReport) -> None:
    """Print a dataset's counts and problems."""
    usable = report.usable
    print(f"Dataset {report.dataset_id}")
    print(f"  {len(usable)} images to train on, with {report.nuclei:,} nuclei")
    if usable:
        sizes = sorted((sample.height, sample.width) for sample in usable)
        share = sum(sample.foreground for sample in usable) / len(usable)
        print(f"  sizes from {_size(sizes[0])} to {_size(sizes[-1])}; {share:.1%} of an average image is nuclei")
    groups = {sample.group for sample in usable if sample.group}
    if groups:
        print(f"  {len(groups)} groups of images that belong together")
    kinds = {sample.kind for sample in usable if sample.kind}
    if len(kinds) > 1:
        print(f"  {len(kinds)} kinds of images by their look")
    print(f"  {len(report.to_predict)} images without masks, to predict")
    print(f"  {len(report.left_out)} left out")
    for note in report.notes:
        print(f"  note: {note}")
    for sample in report.with_problems:
        mark = "left out" if sample.use == "left out" else "kept"
        print(f"  {sample.id} ({mark}): {'; '.join(sample.problems)}")


def train(flags: argparse.Namespace) -> int:
    """Train from a dataset, or go on with a run; Ctrl-C stops and keeps the best model."""
    from unet.training.create import create_and_train
    from unet.training.process import train_run

    settings = read_settings()
    if flags.resume:
        run = open_run(flags.resume, settings)
        with training_bar() as update:
            train_run(run, settings, update)
    else:
        with training_bar() as update:
            run = create_and_train(
                flags.path,
                name=flags.name,
                config=config_from_flags(flags),
                groups=flags.groups,
                settings=settings,
                on_progress=update,
            )
    print_outcome(run)
    return 0


def print_outcome(run: Run) -> None:
    """Print how a training ended."""
    state = run.state()
    print(f"{run.name}: {state.status}. {state.reason or ''}")
    if state.best:
        figures = ", ".join(f"{name.removeprefix('val_')} {value:.4f}" for name, value in state.best.items())
        print(f"  best in epoch {state.best_epoch} of {state.epochs}, on the validation images: {figures}")
        print(f"  model: {run.model_folder}")


def model_folder(model: str | None, settings: Settings) -> Path:
    """Return the Model folder that a flag names: a folder, or a model's key such as ``run:NAME``.

    Raises
    ------
    ModelError
        If there is no such model.
    """
    if model is None:
        return DEFAULT_MODEL
    return Path(model) if Path(model).is_dir() else find_model(model, settings).folder


def evaluate(flags: argparse.Namespace) -> int:
    """Score a model on images with masks and print a table."""
    from unet.datasets.add import open_dataset
    from unet.datasets.inspection import inspect_dataset
    from unet.evaluation.evaluate import evaluate as score
    from unet.evaluation.others import evaluate_labels
    from unet.evaluation.report import comparison_to_text, to_text
    from unet.prediction.predictor import Predictor

    settings = read_settings()
    run = open_run(flags.run, settings) if flags.run else None
    with progress("Storing") as update:
        dataset = open_dataset(flags.path, settings, progress=update)
    with progress("Inspecting") as update:
        report = inspect_dataset(dataset, settings, progress=update)
    own = run.model_folder if run and not flags.model else None
    predictor = Predictor.open(own or model_folder(flags.model, settings))
    ids: Collection[str] | None = run.info().validation_ids if run else None
    theirs = None
    problems: list[str] = []
    if flags.labels:
        with progress("Comparing", unit="image") as update:
            theirs, problems = evaluate_labels(flags.labels, dataset, report, ids=ids, progress=update)
        ids = [image.id for image in theirs.images]
    for problem in problems:
        print(f"error: {problem}", file=sys.stderr)
    with progress("Scoring", unit="image") as update:
        evaluation = score(
            predictor,
            dataset,
            report,
            settings,
            threshold=flags.threshold,
            separation=separation_from_flags(flags, predictor.info.separation),
            ids=ids,
            progress=update,
        )
    print(to_text(evaluation))
    if theirs:
        print(comparison_to_text(evaluation, theirs))
    if flags.json:
        write_json(flags.json, evaluation.to_dict() | ({"labels": theirs.to_dict()} if theirs else {}))
        print(f"All scores: {flags.json}")
    return 1 if problems else 0


def export(flags: argparse.Namespace) -> int:
    """Write a model in a format of other programs, once it was run and compared with what the app predicts."""
    from unet.models.export import export_model

    made = export_model(model_folder(flags.model, read_settings()), flags.format, flags.output)
    print(f"{made.path}: {made.bytes / 1e6:.1f} MB, {made.seconds:.1f} s")
    print(f"  input {made.input}, output {made.output}")
    print(f"  greatest difference from the app's maps {made.greatest_difference:.2g}")
    if flags.json:
        write_json(flags.json, made.to_dict())
    return 0


def runs(flags: argparse.Namespace) -> int:
    """List the trainings, the newest first."""
    found = list_runs(read_settings())
    if not found:
        print("No training yet. Start one with: python -m unet train PATH")
        return 0
    print(f"{'run':32} {'dataset':24} {'status':9} {'epoch':>9} {'val Dice':>8} {'val loss':>8} {'time':>8}")
    for run in found:
        state, best = run.state(), run.state().best or {}
        figures = [f"{best[name]:8.4f}" if name in best else " " * 8 for name in ("val_dice", "val_loss")]
        spent = time.strftime("%H:%M:%S", time.gmtime(state.seconds))
        epoch = f"{state.epoch}/{state.epochs}"
        dataset = "(damaged)"
        with contextlib.suppress(RunError):
            dataset = run.info().dataset["name"][:24]
        print(f"{run.name:32} {dataset:24} {state.status:9} {epoch:>9} {' '.join(figures)} {spent:>8}")
    return 0


def _size(size: tuple[int, int]) -> str:
    return f"{size[1]}x{size[0]}"
