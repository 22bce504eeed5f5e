"""``learn``: improve a model on a few images, and say what it was worth."""

from __future__ import annotations

import argparse

from unet.cli.commands import print_outcome
from unet.cli.progress import progress, training_bar
from unet.datasets.add import open_dataset
from unet.datasets.inspection import inspect_dataset
from unet.errors import TrainingBusy
from unet.models.registry import find_model
from unet.runs.run import Run, delete_run
from unet.settings import DEFAULT_MODEL, Settings, read_settings


def add_learning_flags(parser: argparse.ArgumentParser) -> None:
    """Add what can be said besides the dataset."""
    parser.add_argument(
        "--start-from",
        metavar="MODEL",
        default=DEFAULT_MODEL.name,
        help="the model that goes on learning (%(default)s)",
    )
    parser.add_argument("--name", metavar="RUN", help="the run's name (by default the model's, and “improved”)")
    parser.add_argument(
        "--rehearsal",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also show it the dataset that it comes from, or synthetic nuclei, so that it forgets nothing",
    )


def learn(flags: argparse.Namespace) -> int:
    """Train from a model on a dataset's images; print the score before and after."""
    from unet.training.learn import create_learning_run
    from unet.training.process import train_run

    settings = read_settings()
    start = find_model(flags.start_from, settings)
    with progress("Storing") as update:
        dataset = open_dataset(flags.path, settings, progress=update)
    with progress("Inspecting") as update:
        inspect_dataset(dataset, settings, progress=update)
    rehearse = None if flags.rehearsal else ""
    run = create_learning_run(dataset, start, settings, rehearse=rehearse, name=flags.name)
    try:
        with training_bar() as bar:
            train_run(run, settings, bar)
    except TrainingBusy:
        delete_run(run)
        raise
    print_outcome(run)
    if run.state().status == "finished":
        print_change(run, settings)
    return 0


def print_change(run: Run, settings: Settings) -> None:
    """Print what a model was worth before and after, on images that were kept out or else on those learned."""
    from unet.evaluation.change import score_change

    with progress("Scoring", unit="image") as update:
        change = score_change(run, settings, update)
    of = f"{change.images} image{'s' if change.images > 1 else ''}"
    where = f"{of} kept out" if change.kept_out else f"the {of} it was learned from: others may gain less"
    print(f"  on {where}")
    print(f"  of {change.corrected} corrected nuclei found: {change.found_before} before, {change.found_after} after")
    before, after = (scores.average_precision[0] for scores in (change.before, change.after))
    print(f"  AP at IoU .5: {before:.3f} before, {after:.3f} after")
    if change.is_independent:
        print(f"  score: {change.before.competition:.3f} before, {change.after.competition:.3f} after")
