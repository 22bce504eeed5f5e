"""How far one machine and a cluster reach: efficiency of workers, memory over image size, a scheduler's overhead.

    python -m benchmarks.scale workers  --images 24        one process against 1 and 2 workers on the same images
    python -m benchmarks.scale memory   --megapixels 10 100 1000
    python -m benchmarks.scale scheduler --tasks 10000 --workers 100

``workers`` writes the images itself; efficiency is the time of one process with all cores over that of the workers.
``memory`` makes an OME-Zarr of each size on the spot and predicts it in a process of its own, whose peak memory is
what is not shared with files. ``scheduler`` simulates: its tasks sleep, so that all cores are the scheduler's.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

PREDICT = [sys.executable, "-m", "unet", "predict", "--export", "labels", "nuclei"]


def draw(size: tuple[int, int], seed: int) -> np.ndarray:
    """Return discs on a dark ground, (height, width) uint8."""
    random = np.random.default_rng(seed)
    image = random.normal(20, 5, size)
    rows, columns = np.mgrid[-12:13, -12:13]
    disc = rows**2 + columns**2
    for _ in range(size[0] * size[1] // 2500):
        row, column = (random.integers(12, side - 12) for side in size)
        image[row - 12 : row + 13, column - 12 : column + 13][disc < random.uniform(25, 120)] = 160
    return image.clip(0, 255).astype(np.uint8)


def measure_workers(count: int) -> None:
    """Print the time of one process, and of workers, for the same images."""
    from PIL import Image

    with tempfile.TemporaryDirectory() as folder:
        images = Path(folder) / "images"
        images.mkdir()
        for number in range(count):
            Image.fromarray(draw((1024, 1024), number)).save(images / f"{number:03d}.png")
        alone = 0.0
        for workers in (0, 1, 2, os.cpu_count() or 1):
            words = ["--input", str(images), "--output", f"{folder}/{workers}"]
            started = time.perf_counter()
            subprocess.run([*PREDICT, *words, *(["--workers", str(workers)] if workers else [])], check=True)
            seconds = time.perf_counter() - started
            alone = alone or seconds
            who = f"{workers} workers" if workers else "one process"
            print(f"{who:12} {seconds:7.1f} s for {count} images, efficiency {alone / seconds:.2f}")


def measure_memory(sizes: list[int]) -> None:
    """Print the peak memory of predicting an OME-Zarr of each size in megapixels."""
    import psutil
    import zarr

    tile = draw((1024, 1024), 0)
    for megapixels in sizes:
        side = round((megapixels * 1e6) ** 0.5)
        with tempfile.TemporaryDirectory() as folder:
            group = zarr.open_group(f"{folder}/a.zarr", mode="w", zarr_format=2)
            array = group.create_array("0", shape=(side, side), chunks=(1024, 1024), dtype=np.uint8)
            for top in range(0, side, 1024):
                for left in range(0, side, 1024):
                    height, width = min(1024, side - top), min(1024, side - left)
                    array[top : top + height, left : left + width] = tile[:height, :width]
            axes = [{"name": axis, "type": "space"} for axis in "yx"]
            scale = [{"type": "scale", "scale": [1.0, 1.0]}]
            datasets = [{"path": "0", "coordinateTransformations": scale}]
            group.attrs["multiscales"] = [{"version": "0.4", "axes": axes, "datasets": datasets}]
            started, peak = time.perf_counter(), 0
            words = ["--input", f"{folder}/a.zarr", "--output", f"{folder}/out"]
            environment = {**os.environ, "UNET_HOME": f"{folder}/home"}
            process = subprocess.Popen([*PREDICT, *words], env=environment)
            while process.poll() is None:
                try:  # pages of mapped files are the system's, and go whenever it needs them
                    peak = max(peak, psutil.Process(process.pid).memory_full_info().uss)
                except psutil.Error:
                    break
                time.sleep(0.2)
            process.wait()
            print(
                f"{megapixels:6} Mpx {time.perf_counter() - started:8.1f} s, {peak / 2**20:7.0f} MB of its own at most"
            )


def measure_scheduler(tasks: int, workers: int) -> None:
    """Print what a scheduler takes a task, where tasks sleep and all workers are threads of this process."""
    import distributed

    seconds = 1.0
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=workers, processes=False, dashboard_address=None
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        started = time.perf_counter()
        futures = client.map(time.sleep, [seconds] * tasks, pure=False)
        distributed.wait(futures)
        spent = time.perf_counter() - started
    ideal = seconds * tasks / workers
    print(f"{tasks:,} tasks of {seconds:g} s on {workers} workers: {spent:.1f} s, {ideal:.1f} s at best,")
    print(f"  efficiency {ideal / spent:.2f}, overhead {1000 * (spent - ideal) / tasks:.2f} ms a task")


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="what", required=True)
    kinds.add_parser("workers").add_argument("--images", type=int, default=24)
    kinds.add_parser("memory").add_argument("--megapixels", type=int, nargs="+", default=[10, 100, 1000])
    scheduler = kinds.add_parser("scheduler")
    scheduler.add_argument("--tasks", type=int, default=10_000)
    scheduler.add_argument("--workers", type=int, default=100)
    options = parser.parse_args()
    if options.what == "workers":
        measure_workers(options.images)
    elif options.what == "memory":
        measure_memory(options.megapixels)
    else:
        measure_scheduler(options.tasks, options.workers)


if __name__ == "__main__":
    main()
