"""Seconds and peak memory of a large image by stage: read, predicted, its objects found at two thresholds, looked at.

    python -m benchmarks.large_image [--side 10000] [--kind grey16|colour8] [--storage tiles|plain] [--tile N]

A TIFF of drawn nuclei is made in a temporary folder. The peak is that of the whole process so far (getrusage), with
Python in it. ``--tile`` tries another height and width of the network's tiles.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import tifffile

from unet.datasets.synthetic.nuclei import generate_nuclei
from unet.io.images import map_image
from unet.memmap import downscale_mean, release_pages
from unet.models import network
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import DEFAULT_MODEL

SCENE = 1250  # pixels, repeated; not a multiple of a tile
TILE = 512


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=10_000, help="height and width in pixels (%(default)s)")
    parser.add_argument("--kind", choices=("grey16", "colour8"), default="grey16")
    parser.add_argument("--storage", choices=("tiles", "plain"), default="tiles")
    parser.add_argument("--model", default=str(DEFAULT_MODEL), metavar="FOLDER")
    parser.add_argument("--tile", type=int, default=network.TILE, metavar="N")
    flags = parser.parse_args()
    network.TILE = flags.tile
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with stage("the TIFF is made"):
            path = make_tiff(folder / "large.tif", flags.side, flags.kind, flags.storage)
        with stage("the model is opened"):
            predictor = Predictor.open(flags.model)
        with stage("the image is read"):
            image = map_image(path, folder, max_megapixels=10_000)
        with stage("it is predicted"):
            prediction = predictor.predict(image, folder=folder)
        threshold, separation = predictor.info.threshold, predictor.info.separation
        for each in (threshold, 0.3):
            with stage(f"objects above {each:g}"):
                labels = find_objects(prediction, each, separation)
        with stage("a view of 2048 pixels"):
            downscale_mean(image, 2048), prediction.shrink(2048)
        with stage("a region of 1024 x 1024"):
            middle = slice(flags.side // 2, flags.side // 2 + 1024)
            (
                np.array(image[middle, middle]),
                prediction.crop(middle, middle).probability,
                np.array(labels[middle, middle]),
            )
        print(f"{labels.max():,} objects, {prediction.nbytes / 1e6:,.0f} MB of maps on disk")


@contextmanager
def stage(title: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    print(f"{title:26} {time.perf_counter() - start:7.2f} s, peak {peak:5.2f} GB", flush=True)


def make_tiff(path: Path, side: int, kind: str, storage: str) -> Path:
    """Write the TIFF a row of tiles at a time: compressed tiles, or the pixels as they are."""
    scene = generate_nuclei(1, (SCENE, SCENE), nuclei=220)[0]
    scene = scene.astype(np.uint16) * 16 if kind == "grey16" else np.stack([scene // 3, scene // 4, scene], axis=-1)
    shape, across = (side, side, *scene.shape[2:]), np.resize(np.arange(SCENE), side + -side % TILE)
    photometric = "rgb" if scene.ndim == 3 else "minisblack"

    def tiles() -> Iterator[np.ndarray]:
        for top in range(0, side, TILE):
            strip = scene[np.arange(top, top + TILE) % SCENE][:, across]
            for left in range(0, side, TILE):
                yield strip[:, left : left + TILE]

    if storage == "tiles":
        size = (TILE, TILE)
        tifffile.imwrite(
            path, tiles(), shape=shape, dtype=scene.dtype, photometric=photometric, tile=size, compression="zlib"
        )
        return path
    mapped = tifffile.memmap(path, shape=shape, dtype=scene.dtype, photometric=photometric)
    for top in range(0, side, TILE):
        mapped[top : top + TILE] = scene[np.arange(top, min(top + TILE, side)) % SCENE][:, across[:side]]
        release_pages(mapped)
    return path


if __name__ == "__main__":
    main()
