"""What a picture's own header claims: its size, and for JPEG how many scans have to be gone through.

A TIFF may hold JPEG or PNG streams as its tiles. The libraries decode them before anybody compares them with the
tile, and a few kilobytes can claim gigabytes.
"""

from __future__ import annotations

import re
import struct

from unet.io.bounds import Refused

PNG = b"\x89PNG\r\n\x1a\n"
# Programs write ten scans, and a few dozen where every bit plane has its own; each goes over the whole picture.
MAX_SCANS = 100
# A stream may be filled up to whole blocks of 16 pixels.
BLOCK = 16
START, END, SCAN = 0xD8, 0xD9, 0xDA
FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
# Markers that stand alone, without a length behind them.
ALONE = {0x01, START, *range(0xD0, 0xD8)}
# Among a scan's bytes, 0xFF is followed by 0, or by the number of a restart.
MARKER = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


def jpeg_frames(data: bytes) -> list[tuple[int, int]]:
    """Return height and width of each frame that a JPEG stream declares: an honest file has one.

    Raises
    ------
    Refused
        If it is not a JPEG stream, or has more scans than any program writes.
    """
    if data[:2] != b"\xff\xd8":
        raise Refused("is damaged: where a JPEG should begin, there is none")
    frames, scans, place = [], 0, 2
    while place + 2 <= len(data):
        if data[place] != 0xFF:
            found = MARKER.search(data, place)
            if not found:
                break
            place = found.start()
        kind = data[place + 1]
        if kind == END:
            break
        if kind in ALONE or kind in (0x00, 0xFF):
            place += 1 if kind == 0xFF else 2
            continue
        if kind in FRAMES and place + 9 <= len(data):
            frames.append(struct.unpack_from(">HH", data, place + 5))
        place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
        if kind == SCAN:
            scans += 1
            if scans > MAX_SCANS:
                raise Refused(
                    f"is a JPEG of more than {MAX_SCANS} scans, which takes minutes to decode; "
                    "open it in another program and save it again, best as PNG or TIFF"
                )
            found = MARKER.search(data, place)
            place = found.start() if found else len(data)
    return frames


def png_frames(data: bytes) -> list[tuple[int, int]]:
    """Return height and width that a PNG stream declares.

    Raises
    ------
    Refused
        If it is not a PNG stream.
    """
    if not data.startswith(PNG) or data[12:16] != b"IHDR" or len(data) < 24:
        raise Refused("is damaged: where a PNG should begin, there is none")
    width, height = struct.unpack_from(">II", data, 16)
    return [(height, width)]


def check_fits(frames: list[tuple[int, int]], tile: tuple[int, int]) -> None:
    """Refuse streams that claim to be larger than the strip or tile that they fill.

    Raises
    ------
    Refused
    """
    for height, width in frames:
        if not (0 < height < tile[0] + BLOCK and 0 < width < tile[1] + BLOCK):
            raise Refused(
                f"has a part of {tile[1]:,} x {tile[0]:,} pixels in which a picture of {width:,} x {height:,} is "
                "packed; such files are refused"
            )
