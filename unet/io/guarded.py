"""Decoding in a process that may take only so much memory and time, for what the libraries set no bounds to.

Rare packings alone come here: starting the process takes half a second. It is told what to do by its arguments, reads
the file from its standard input and answers with a line of JSON and an array.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from typing import BinaryIO

import numpy as np

from unet.io.bounds import Refused
from unet.settings import MB, PROJECT

SECONDS = 60
# Of the libraries themselves, beside the image.
ROOM = 192 * MB
CHUNK = MB
OUT_OF_MEMORY = 97
# Whether this is such a process; see guarded_process.py.
inside = False


def read_page(stream: BinaryIO, place: int, *, mask: bool, max_megapixels: int, memory: int) -> np.ndarray:
    """Decode a page of a TIFF as ``TiffDecoder`` does, under limits.

    Parameters
    ----------
    stream : file object
    place : int
        Which page of the file.
    mask : bool
    max_megapixels : int
    memory : int
        Bytes that decoding may take.

    Raises
    ------
    Refused
        If the page cannot be decoded within the limits.
    """
    stream.seek(0)
    command = [
        sys.executable,
        "-m",
        "unet.io.guarded_process",
        str(place),
        str(int(mask)),
        str(max_megapixels),
        str(memory),
    ]
    # One thread each: all those of linear algebra would count as memory.
    environment = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MALLOC_ARENA_MAX": "1"}
    try:
        done = subprocess.run(
            command,
            input=stream.read(),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=PROJECT,
            env=environment,
            timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Refused(f"takes more than {SECONDS} seconds to decode; save it as PNG or as plain TIFF") from None
    answer, _, content = done.stdout.partition(b"\n")
    if done.returncode == 0 and answer:
        told = json.loads(answer)
        if told["refused"] is None:
            return np.load(io.BytesIO(content), allow_pickle=False)
        raise Refused(told["refused"])
    if done.returncode == OUT_OF_MEMORY:
        raise Refused("needs far more memory to decode than an image of its size; save it as PNG or as plain TIFF")
    raise Refused("is damaged, or of a kind that is not read; save it as PNG or plain TIFF")
