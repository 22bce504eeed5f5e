"""The command line: ``python -m unet inspect | train | predict | evaluate | export | import-labels | learn | runs``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from unet.cli import commands
from unet.cli.arguments import add_config_flags, add_preparation_flags, add_separation_flags
from unet.cli.import_labels import import_labels
from unet.cli.learn import add_learning_flags, learn
from unet.cli.predict import add_region_flags, add_stack_flags, add_worker_flags, predict
from unet.errors import ConfigError, UnetError, shortened
from unet.exports.formats import FORMATS as RESULTS
from unet.exports.formats import USUAL
from unet.files import is_full_disk, name_shown
from unet.io.pixel_size import LARGEST, SMALLEST
from unet.models.export import FORMATS
from unet.prediction.grouping import HELP as GROUPING
from unet.prediction.marker import Marker, parse_marker
from unet.settings import DEFAULT_MODEL

DATASET = (
    "a .zip, a folder, or the name of a stored dataset. Found at any depth: one folder per image with images/ and "
    "masks/ (one nucleus per mask), or images/ beside masks/ or labels/ with equal file names"
)
EPILOG = """examples:
  python -m unet inspect stage1_train.zip
  python -m unet train stage1_train.zip --epochs 2 --flips
  python -m unet predict --input images/ --output results/ --threshold 0.4
  python -m unet evaluate stage1_train.zip --model workspace/runs/NAME/model

Everything kept lies under the folder UNET_HOME (by default workspace/ in a checkout, ~/unet-studio once installed).
Exit codes: 0 done, 1 failed, 2 wrong usage."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    parser = make_parser()
    options = parser.parse_args(arguments)
    try:
        return options.command(options)
    except ConfigError as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except UnetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"error: {_of_the_system(error)}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 1


def _of_the_system(error: OSError) -> str:
    """Say what the system refused: no room, no permission, no such name."""
    if is_full_disk(error):
        return f"The disk is full ({shortened(str(error))}); free some space and try again."
    if error.strerror and error.filename is not None:
        return f"{shortened(name_shown(str(error.filename)))}: {error.strerror}."
    return f"{shortened(str(error))}."


def make_parser() -> argparse.ArgumentParser:
    """Make the parser of all commands."""
    parser = argparse.ArgumentParser(
        prog="python -m unet",
        description="Teach a U-Net to segment microscopy images, and use it.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    subparsers = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    for add in (
        _add_run,
        _add_inspect,
        _add_train,
        _add_predict,
        _add_evaluate,
        _add_export,
        _add_import_labels,
        _add_learn,
        _add_runs,
    ):
        add(subparsers)
    return parser


def _add_run(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(subparsers, "run", commands.run, "open the app in a browser")
    parser.add_argument("--port", type=int, default=8501, metavar="N", help="port to listen on (%(default)s)")
    parser.add_argument(
        "--host", default="127.0.0.1", metavar="ADDRESS", help="address to listen on (%(default)s: this machine alone)"
    )


def _add_inspect(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(subparsers, "inspect", commands.inspect, "list what is in a dataset and what is wrong with it")
    parser.add_argument("path", metavar="PATH", help=DATASET)
    parser.add_argument("--csv", type=Path, metavar="FILE", help="write one row per sample to this file")
    parser.add_argument(
        "--kinds",
        type=Path,
        metavar="FILE",
        help="write a table for --groups that also says of which kind each image is, by its look; print folds of them",
    )
    _add_groups(parser)


def _add_train(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(subparsers, "train", commands.train, "train a U-Net, or resume a run")
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("path", metavar="PATH", nargs="?", help=DATASET)
    source.add_argument("--resume", metavar="RUN", help="resume a run that was stopped, killed or has failed")
    parser.add_argument("--name", metavar="RUN", help="the run's name (by default the preset and the time)")
    _add_groups(parser)
    add_config_flags(parser)


def _add_groups(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--groups",
        type=Path,
        metavar="CSV",
        help="columns ImageId and group, perhaps stain and kind: images of one group stay on one side of the split",
    )


def _add_predict(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers,
        "predict",
        predict,
        "predict images and write what was found in each, a summary.csv and a manifest.json",
    )
    _add_model(parser)
    parser.add_argument(
        "--input",
        required=True,
        metavar="PATH",
        help="an image, a folder of images, or OME-Zarr: a folder or an address, of an image or a plate",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where the results go")
    parser.add_argument(
        "--export",
        nargs="+",
        choices=[*RESULTS, "all"],
        default=[],
        metavar="FORMAT",
        help=f"what to write: {', '.join(RESULTS)} or all ({' '.join(USUAL)})",
    )
    _add_threshold(parser)
    parser.add_argument(
        "--keep",
        action="append",
        default=[],
        metavar="RANGE",
        help="keep only objects whose measurement lies in a range, such as area:30:120; may be given several times",
    )
    parser.add_argument(
        "--positive",
        type=_marker,
        metavar="CHANNEL:LEVEL",
        help="count objects as positive where the mean of a channel, counted from 1, lies above a level, such as 2:850",
    )
    parser.add_argument("--group-by", default="", metavar="PATTERN", help=f"for nuclei.csv: {GROUPING}")
    parser.add_argument(
        "--page",
        type=int,
        default=0,
        metavar="N",
        help="page of multi-page TIFFs, depth of OME-Zarr, from 0 (%(default)s)",
    )
    parser.add_argument(
        "--pixel-size", type=_micrometres, metavar="MICRONS", help="of all images (what each file says, if it does)"
    )
    add_region_flags(parser)
    add_stack_flags(parser)
    add_worker_flags(parser)
    add_separation_flags(parser)
    add_preparation_flags(parser)


def _add_evaluate(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers,
        "evaluate",
        commands.evaluate,
        "score a model on images with masks: nuclei found, missed and merged, their outlines, Dice",
    )
    parser.add_argument("path", metavar="PATH", help=DATASET)
    _add_model(parser)
    _add_threshold(parser)
    add_separation_flags(parser)
    parser.add_argument(
        "--run", metavar="RUN", help="score only the validation images of this run (its model, unless --model is given)"
    )
    parser.add_argument(
        "--labels",
        type=Path,
        metavar="PATH",
        help="compare with the nuclei that another program found: a folder of label maps, ImageJ ROIs, GeoJSON or "
        "COCO, named like the images, or one file of all; only images that have one are scored",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all scores, image by image, to this file")


def _add_export(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers, "export", commands.export, "write a model for other programs: ONNX, SavedModel, LiteRT, bioimage.io"
    )
    _add_model(parser)
    parser.add_argument("--format", required=True, choices=FORMATS, help="the format: %(choices)s")
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE", help="the file to write: .onnx, or .zip for the others"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write size and greatest difference to this file")


def _add_import_labels(subparsers: argparse._SubParsersAction) -> None:
    parser = _command(
        subparsers,
        "import-labels",
        import_labels,
        "make a dataset of images and the nuclei that other programs wrote: label maps, ImageJ ROIs, GeoJSON, COCO",
    )
    parser.add_argument("images", type=Path, metavar="IMAGES", help="an image, or a folder of images")
    parser.add_argument(
        "labels",
        type=Path,
        metavar="LABELS",
        help="one file (COCO of all images, say), or a folder with one file per image, named like it",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="where images/ and masks/ go")


def _add_learn(subparsers: argparse._SubParsersAction) -> None:
    help = "improve a model on a few images whose nuclei were corrected, in minutes"
    parser = _command(subparsers, "learn", learn, help)
    parser.add_argument("path", metavar="DATASET", help=DATASET)
    add_learning_flags(parser)


def _add_runs(subparsers: argparse._SubParsersAction) -> None:
    _command(subparsers, "runs", commands.runs, "list the trainings, the newest first")


def _command(
    subparsers: argparse._SubParsersAction, name: str, function: Callable[[argparse.Namespace], int], help: str
) -> argparse.ArgumentParser:
    parser = subparsers.add_parser(name, help=help, description=help[0].upper() + help[1:] + ".")
    parser.set_defaults(command=function)
    return parser


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--model",
        metavar="MODEL",
        help=f"a Model folder, or a name such as run:NAME (the shipped {DEFAULT_MODEL.name})",
    )


def _add_threshold(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--threshold",
        type=_probability,
        metavar="P",
        help="probability above which a pixel is nucleus, 0 to 1 (the one stored with the model)",
    )


def _micrometres(text: str) -> float:
    value = float(text)
    if not SMALLEST <= value <= LARGEST:
        raise argparse.ArgumentTypeError(f"{text} is no pixel of a microscope: {SMALLEST:g} to {LARGEST:g} micrometres")
    return value


def _marker(text: str) -> Marker:
    try:
        return parse_marker(text)
    except ConfigError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def _probability(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 0 and 1")
    return value
