"""What one pass of a shipped network takes, by engine, by how memory is kept, by threads and by the tile's size.

    python -m benchmarks.engine [--side 1024] [--passes 5] [--rows keras arena ...]

Each row is a process of its own. Seconds are the least of all passes: of the clock, and of the processor, which says
the same on a busy machine. ``peak`` and ``kept`` are the process' memory at its greatest, and after the passes once
memory was given back; ``useful`` is processor time for each megapixel that a tile of this size decides, its
surroundings not counted.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import numpy as np
import psutil

from unet.models.metadata import read_info
from unet.models.network import reach
from unet.settings import DEFAULT_MODEL

Engine = tuple[Callable[[np.ndarray], np.ndarray], Callable[[], None]]


def ours() -> Engine:
    """The engine as the app has it."""
    from unet.models.runtime import Network, release_memory

    return Network.open(DEFAULT_MODEL), release_memory


def keras() -> Engine:
    """The model as it was trained."""
    from unet.models.folder import load_model

    return load_model(DEFAULT_MODEL).predict_on_batch, lambda: None


def plain(arena: bool = True, threads: int = 0) -> Engine:
    """The same graph in ONNX Runtime as it comes, with its arena or without."""
    import onnxruntime

    from unet.models.graph import build_graph
    from unet.models.weights import WEIGHTS_FILE, read_weights

    config = read_info(DEFAULT_MODEL).config
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena, options.intra_op_num_threads = arena, threads
    graph = build_graph(config, read_weights(DEFAULT_MODEL / WEIGHTS_FILE, config)).SerializeToString()
    session = onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
    return lambda images: session.run(None, {"image": images})[0], lambda: None


ROWS: dict[str, Callable[[], Engine]] = {
    "ours": ours,
    "keras": keras,
    "arena": plain,
    "no-arena": lambda: plain(arena=False),
    "one-thread": lambda: plain(threads=1),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, nargs="+", default=[1024], help="height and width of a tile")
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rows", nargs="+", choices=ROWS, default=list(ROWS))
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    flags = parser.parse_args()
    if flags.here:
        measure(flags.rows[0], flags.side[0], flags.passes)
        return
    print(f"{'engine':12} {'side':>5} {'clock':>8} {'processor':>10} {'useful':>8} {'peak':>8} {'kept':>8}", flush=True)
    for side in flags.side:
        for row in flags.rows:
            words = ["--here", "--rows", row, "--side", str(side), "--passes", str(flags.passes)]
            subprocess.run([sys.executable, "-m", "benchmarks.engine", *words], check=True, stderr=subprocess.DEVNULL)


def measure(row: str, side: int, passes: int) -> None:
    network, release = ROWS[row]()
    image = np.random.default_rng(0).uniform(0, 255, (1, side, side, 3)).astype(np.float32)
    clock, processor = [], []
    for _ in range(passes):
        began = time.perf_counter(), time.process_time()
        network(image)
        clock.append(time.perf_counter() - began[0])
        processor.append(time.process_time() - began[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    release()
    kept = psutil.Process().memory_info().rss / 2**20
    core = side - 2 * reach(read_info(DEFAULT_MODEL).config)
    useful = f"{min(processor) / core**2 * 1e6:6.2f} s" if core > 0 else ""
    print(
        f"{row:12} {side:5} {min(clock):6.2f} s {min(processor):8.2f} s {useful:>8} {peak:5.0f} MB {kept:5.0f} MB",
        flush=True,
    )


if __name__ == "__main__":
    main()
