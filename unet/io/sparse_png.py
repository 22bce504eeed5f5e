"""A short cut for masks: of an 8-bit grey PNG, decode only the part that holds anything.

A dataset such as the tutorial's has dozens of masks an image, almost all of their pixels 0. Inflating them takes a
general decoder nearly all of its time; libdeflate does it eight times as fast, and what is blank is then not looked at
again. Whatever is unusual about a file is left to the general decoder, and so is finding words for what is wrong.
"""

from __future__ import annotations

import struct
import threading
import zlib

import imagecodecs
import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
# Bit depth 8, grey, deflate, the usual filters, not interlaced.
PLAIN_GREY = b"\x08\x00\x00\x00\x00"
SUB, UP, AVERAGE, PAETH = 1, 2, 3, 4

_local = threading.local()


def read_block(data: bytes, size: tuple[int, int]) -> tuple[int, int, np.ndarray] | None:
    """Decode an 8-bit grey PNG of a known size.

    Parameters
    ----------
    data : bytes
        The file.
    size : tuple of int
        The height and width that it must have.

    Returns
    -------
    top, left : int
        Where the block lies.
    block : (rows, columns) uint8
        All rows and columns between those with a value other than 0; empty where every value is 0.

    None is returned instead if the file is of another kind or size, damaged, or uses rare filters.
    """
    height, width = size
    if not data.startswith(SIGNATURE) or data[16:29] != struct.pack(">II", width, height) + PLAIN_GREY:
        return None
    packed = _pixel_chunks(data)
    if packed is None:
        return None
    stride = width + 1  # each row begins with the number of its filter
    try:
        raw = imagecodecs.deflate_decode(packed, out=_room(height * stride))
    except (imagecodecs.DeflateError, MemoryError):
        return None
    if len(raw) != height * stride:
        return None
    first, last = _bounds(memoryview(raw))
    if first > last:
        return 0, 0, np.empty((0, 0), np.uint8)
    top = first // stride
    filtered = np.frombuffer(raw, np.uint8).reshape(height, stride)[top : last // stride + 1]
    rows = _unfilter(filtered)
    if rows is None:
        return None
    columns = np.flatnonzero(rows.any(axis=0))
    left, right = (int(columns[0]), int(columns[-1])) if len(columns) else (0, -1)
    return top, left, rows[:, left : right + 1].copy()  # the next mask is decoded into the same memory


def _room(size: int) -> memoryview:
    """Return memory of this thread's own, used again and again: fresh memory for each mask costs more than decoding."""
    buffer = getattr(_local, "buffer", b"")
    if len(buffer) < size:
        buffer = _local.buffer = bytearray(size)
    return memoryview(buffer)[:size]


def _pixel_chunks(data: bytes) -> bytes | None:
    """Return the compressed pixels, or None if the file is damaged or transparency gives its values another meaning."""
    found, position = [], len(SIGNATURE)
    while True:
        start, kind = position + 8, data[position + 4 : position + 8]
        stop = start + int.from_bytes(data[position : position + 4], "big")
        if len(data) < stop + 4 or zlib.crc32(data[position + 4 : stop]) != int.from_bytes(
            data[stop : stop + 4], "big"
        ):
            return None
        if kind == b"IDAT":
            found.append(data[start:stop])
        elif kind == b"IEND":
            return found[0] if len(found) == 1 else b"".join(found)
        elif kind != b"IHDR" and (not kind[0] & 32 or kind in (b"tRNS", b"acTL")):  # 32: may be ignored
            return None
        position = stop + 4


def _bounds(raw: memoryview) -> tuple[int, int]:
    """Return positions at or a few bytes around the first and last byte that is not 0; first > last if all are."""
    whole = len(raw) // 8
    filled = np.flatnonzero(np.frombuffer(raw, np.uint64, whole) != 0)
    first, last = (int(filled[0]) * 8, int(filled[-1]) * 8 + 7) if len(filled) else (len(raw), -1)
    tail = raw[whole * 8 :]
    if any(tail):
        first, last = min(first, whole * 8), len(raw) - 1
    return first, last


def _unfilter(filtered: np.ndarray) -> np.ndarray | None:
    """Undo PNG's filters on consecutive rows; the one above them is blank."""
    kinds, rows = filtered[:, 0], filtered[:, 1:]
    if not kinds.any():
        return rows
    if kinds.max() > PAETH or (kinds == AVERAGE).any():
        return None
    rows = rows.copy()
    left = kinds == SUB  # needs no row above, so all such rows at once
    if left.any():
        rows[left] = np.add.accumulate(rows[left], axis=1, dtype=np.uint8)
    for index in np.flatnonzero(kinds > SUB).tolist():
        if kinds[index] == PAETH:
            _undo_paeth(rows[index], rows[index - 1] if index else np.zeros_like(rows[0]))
        elif index:
            rows[index] += rows[index - 1]
    return rows


def _undo_paeth(row: np.ndarray, above: np.ndarray) -> None:
    """Undo, in place, the filter that adds to a pixel its left, upper or upper left neighbour, whichever fits best."""
    active = np.flatnonzero(row | above)
    if not len(active):
        return
    start, stop = int(active[0]), int(active[-1]) + 2
    values, left, corner = row[start:stop].tolist(), 0, 0
    for position, upper in enumerate(above[start:stop].tolist()):
        estimate = left + upper - corner
        to_left, to_upper, to_corner = abs(estimate - left), abs(estimate - upper), abs(estimate - corner)
        nearest = left
        if to_left > to_upper or to_left > to_corner:
            nearest = upper if to_upper <= to_corner else corner
        values[position] = left = (values[position] + nearest) & 255
        corner = upper
    row[start:stop] = values
    row[stop:] = left  # with nothing above, each pixel takes after its left neighbour
