"""How arrays travel to the browser: a JSON header, and each array deflated behind it (``assets/inside/unpack.js``)."""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any

import numpy as np

TYPES = {"uint8": "u1", "uint16": "u2", "float32": "f4"}


def pack(about: dict[str, Any], arrays: dict[str, np.ndarray]) -> bytes:
    """Pack arrays of uint8, uint16 or float32 with what is to be said of them."""
    parts, described = [], []
    for name, array in arrays.items():
        content = zlib.compress(array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(), 1)
        described.append({"name": name, "type": TYPES[array.dtype.name], "shape": array.shape, "bytes": len(content)})
        parts.append(content)
    header = json.dumps({**about, "arrays": described}).encode()
    return b"".join([struct.pack("<I", len(header)), header, *parts])
