"""The process in which ``guarded`` has a page of a TIFF decoded: it limits its own memory, decodes, and answers."""

from __future__ import annotations

import io
import json
import os
import sys
import threading
import time
from contextlib import suppress
from typing import BinaryIO

import numpy as np
import psutil

from unet.io import guarded
from unet.io.bounds import Refused
from unet.io.tiff import open_tiff


def limit_memory(size: int) -> None:
    """Let this process take so many bytes more than it has: it ends, or meets a MemoryError, at the attempt.

    Not every system keeps to a limit that is set, so the process also watches itself.
    """
    process = psutil.Process()
    with suppress(ImportError, OSError, ValueError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (process.memory_info().vms + size,) * 2)
    most = process.memory_info().rss + size

    def watch() -> None:
        while process.memory_info().rss < most:
            time.sleep(0.02)
        os._exit(guarded.OUT_OF_MEMORY)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str], source: BinaryIO, target: BinaryIO) -> int:
    """Decode what the arguments say from ``source`` and answer to ``target``."""
    guarded.inside = True
    place, mask, max_megapixels, memory = map(int, arguments)
    data = io.BytesIO(source.read())
    limit_memory(memory)
    try:
        with open_tiff(data, max_megapixels) as tiff:
            array = np.ascontiguousarray(tiff.read_place(place, mask=bool(mask)))
        refused = None
    except Refused as reason:
        array, refused = None, str(reason)
    except MemoryError:
        return guarded.OUT_OF_MEMORY
    target.write(json.dumps({"refused": refused}).encode() + b"\n")
    if array is not None:
        np.save(target, array, allow_pickle=False)
    target.flush()
    return 0


if __name__ == "__main__":
    answers, sys.stdout = sys.stdout.buffer, sys.stderr  # a stray print must not get among the answers
    sys.exit(main(sys.argv[1:], sys.stdin.buffer, answers))
