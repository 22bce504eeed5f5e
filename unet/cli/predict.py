"""``predict``: images, stacks, OME-Zarr and plates, here or on workers."""

from __future__ import annotations

import argparse
import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unet.cli.arguments import preparation_from_flags, separation_from_flags
from unet.cli.commands import model_folder
from unet.cli.progress import progress
from unet.io.pixel_size import PixelSize
from unet.prediction.filters import parse_range
from unet.settings import DEFAULT_MODEL, read_settings


def add_stack_flags(parser: argparse.ArgumentParser) -> None:
    """Add what says which planes and channels are predicted."""
    parser.add_argument(
        "--planes",
        choices=("one", "all", "max"),
        default="one",
        help="of stacks: the one page, all planes and points in time, or the maximum over all depths (%(default)s)",
    )
    parser.add_argument(
        "--link",
        action="store_true",
        help="with --planes: a nucleus keeps its number from plane to plane, or in a flat time series from frame to "
        "frame, where it overlaps",
    )
    parser.add_argument(
        "--channel",
        action="append",
        default=[],
        metavar="NAME",
        help="read only this channel of OME-Zarr; may be given several times",
    )
    parser.add_argument(
        "--into-zarr", action="store_true", help="write the label maps into the OME-Zarr too, under labels/nuclei"
    )


def add_region_flags(parser: argparse.ArgumentParser) -> None:
    """Add where the regions of the images are."""
    parser.add_argument(
        "--regions",
        type=Path,
        metavar="PATH",
        help="count by the regions of a GeoJSON file (all images), or of a folder with one file per image, named like "
        "it; --keep regions:1:1000 leaves out what lies outside",
    )


def add_worker_flags(parser: argparse.ArgumentParser) -> None:
    """Add who does the work."""
    workers = parser.add_mutually_exclusive_group()
    workers.add_argument(
        "--workers", type=_count, default=0, metavar="N", help="do it in N processes of this machine (in this one)"
    )
    workers.add_argument(
        "--cluster", metavar="ADDRESS", help="do it on the cluster of Dask at this address, such as tcp://HOST:8786"
    )


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 1024:
        raise argparse.ArgumentTypeError(f"{text} does not lie between 1 and 1024")
    return value


def predict(flags: argparse.Namespace) -> int:
    """Predict images and write what was found; a broken image is reported and the others go on."""
    from unet.corrections.region_files import regions_by_stem
    from unet.exports.batch import find_inputs, own_formats, predict_planes
    from unet.exports.formats import FORMATS, USUAL
    from unet.exports.work import Job
    from unet.io.planes import find_planes
    from unet.prediction.grouping import check_pattern
    from unet.prediction.predictor import Predictor
    from unet.prediction.result import Decisions

    settings = read_settings()
    planes = find_planes(find_inputs(flags.input), flags.planes, flags.page)
    folder = model_folder(flags.model, settings)
    predictor = Predictor.open(folder)
    info = predictor.info
    decisions = Decisions(
        info,
        info.threshold if flags.threshold is None else flags.threshold,
        separation_from_flags(flags, info.separation),
        preparation_from_flags(flags),
        dict(parse_range(each) for each in flags.keep),
        model=str(flags.model or DEFAULT_MODEL.name),
        groups=check_pattern(flags.group_by),
        marker=flags.positive,
    )
    usual = (*USUAL, "regions") if flags.regions else USUAL
    job = Job(
        flags.output,
        settings,
        decisions,
        own_formats(tuple(FORMATS) if "all" in flags.export else flags.export or usual),
        PixelSize(flags.pixel_size, flags.pixel_size) if flags.pixel_size else None,
        channels=tuple(flags.channel),
        link=flags.link,
        into_zarr=flags.into_zarr,
        regions=regions_by_stem(flags.regions, [plane.address for plane in planes]) if flags.regions else {},
    )
    with workers_of(flags, folder) as each, progress("Predicting", unit="image") as update:
        rows = predict_planes(
            predictor, planes, job, model_folder=folder, flags=stack_flags(flags), progress=update, each=each
        )
    failed = [row for row in rows if row.error]
    for row in failed:
        print(f"error: {row.error}", file=sys.stderr)
    taken = Counter((row.channels, row.channels_because) for row in rows if row.channels)
    for (channels, reason), count in taken.most_common():
        print(f"  {count} {'image' if count == 1 else 'images'}: {channels} ({reason})")
    if scales := [row.scale for row in rows if row.scale != 1]:
        print(f"  {len(scales)} of {len(rows)} images predicted at {min(scales):g}x to {max(scales):g}x of their size")
    nuclei = sum(row.count for row in rows if not row.error)
    print(f"{len(rows) - len(failed)} of {len(rows)} images predicted, {nuclei:,} objects: {flags.output}")
    return 1 if failed else 0


@contextlib.contextmanager
def workers_of(flags: argparse.Namespace, folder: Path) -> Iterator[Any]:
    """Yield what does the work on a cluster, where one is asked for, else None: it is done here."""
    if flags.cluster is None and not flags.workers:
        yield None
        return
    from unet.exports.cluster import connected, on_cluster

    with connected(flags.cluster, flags.workers) as client:
        yield on_cluster(client, folder)


def stack_flags(flags: argparse.Namespace) -> list[str]:
    """Return the flags of ``predict`` that say what of a stack or an OME-Zarr is predicted, as they were given."""
    words = [] if flags.planes == "one" else ["--planes", flags.planes]
    words += [word for name in flags.channel for word in ("--channel", name)]
    words += ["--regions", str(flags.regions)] if flags.regions else []
    return [*words, *(["--link"] if flags.link else []), *(["--into-zarr"] if flags.into_zarr else [])]
