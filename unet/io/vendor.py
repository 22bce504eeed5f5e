"""Files of microscope makers, told by their first bytes: not read here, but it is said how they become readable."""

from __future__ import annotations

from unet.io.bounds import Refused

SUFFIXES = {".czi", ".nd2", ".lif"}
# First bytes, what such a file is, and the maker's program that exports it.
KINDS = (
    (b"ZISRAWFI", "Zeiss CZI", "ZEN"),
    (b"\xda\xce\xbe\x0a", "Nikon ND2", "NIS-Elements"),
    (b"\x00\x00\x00\x0cjP  ", "JPEG 2000 or older Nikon ND2", "NIS-Elements"),
    (b"\x70\x00\x00\x00", "Leica LIF", "LAS X"),
)


def refuse_vendor(head: bytes) -> None:
    """Refuse a microscope maker's file by its first eight bytes, saying how to export it.

    Raises
    ------
    Refused
        If it is one.
    """
    for signature, kind, program in KINDS:
        if head.startswith(signature):
            raise Refused(
                f"is a {kind} file, which is not read here. Export it as TIFF in {program}, or open it in Fiji with "
                "File > Import > Bio-Formats and save it with File > Save As > Tiff, one file per image"
            )
