"""Small files for ``attack.py``: good ones of many kinds, and those that claim more than they are."""

from __future__ import annotations

import io
import random
import struct
import zipfile
from pathlib import Path

import numpy as np
import tifffile
from PIL import Image


def good_images() -> dict[str, bytes]:
    """Return small images of many kinds."""
    grey = np.arange(48 * 40, dtype=np.uint16).reshape(48, 40)
    colour = np.stack([grey, grey.T.reshape(48, 40), grey[::-1]], axis=-1).astype(np.uint8)
    found = {}
    for name, picture, options in (
        ("PNG", Image.fromarray(colour), {}),
        ("PNG", Image.fromarray(colour).quantize(60), {}),
        ("PNG", Image.fromarray(grey), {}),
        ("JPEG", Image.fromarray(colour), {}),
        ("JPEG", Image.fromarray(colour), {"progressive": True}),
        ("BMP", Image.fromarray(colour).quantize(60), {}),
        ("TIFF", Image.fromarray(colour).convert("CMYK"), {}),
    ):
        picture.save(stream := io.BytesIO(), name, **options)
        found[f"{name} {len(found)} {picture.mode}"] = stream.getvalue()
    for options in (
        {}, {"compression": "lzw"}, {"compression": "zlib", "predictor": True},
        {"compression": "jpeg", "tile": (16, 16)},
        {"compression": "png", "tile": (16, 16)}, {"compression": "zstd", "rowsperstrip": 7},
        {"compression": "jpeg2000"}, {"imagej": True}, {"ome": True},
    ):  # fmt: skip
        array = np.stack([grey, grey]) if {"imagej", "ome"} & set(options) else colour
        tifffile.imwrite(stream := io.BytesIO(), array, **options)
        found[f"TIFF {len(found)} {options.get('compression', '')}"] = stream.getvalue()
    return found


def bombs() -> dict[str, bytes]:
    """Return small files that claim to be large."""
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(stream := io.BytesIO(), "JPEG", progressive=True)
    jpeg = stream.getvalue()
    frame = jpeg.index(b"\xff\xc2") + 5
    huge = jpeg[:frame] + struct.pack(">HH", 65500, 65500) + jpeg[frame + 4 :]
    last, end = jpeg.rindex(b"\xff\xda"), jpeg.rindex(b"\xff\xd9")
    tifffile.imwrite(
        stream := io.BytesIO(), iter([huge]), shape=(8, 8), dtype=np.uint8, tile=(16, 16), compression="jpeg"
    )
    runs = b"\0\2\xff\xff" * 40 + b"\0\1"  # skip, and skip again
    sizes = (40, 3000, 3000, 1, 8, 1, len(runs), 0, 0, 256, 0)
    header = struct.pack("<IHHIIiiHHIIiiII", len(runs) + 1078, 0, 0, 1078, *sizes)
    return {
        "JPEG of 65,500 x 65,500": huge,
        "JPEG of 3,000 scans": jpeg[:last] + jpeg[last:end] * 3000 + jpeg[end:],
        "TIFF with a larger JPEG inside": stream.getvalue(),
        "BMP that skips": b"BM" + header + bytes(1024) + runs,
    }


def good_archive(path: Path, samples: int = 4, side: int = 40) -> Path:
    """Write a dataset in the tutorial's layout."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(samples):
            pixels = np.full((side, side), index * 6, np.uint8)
            for folder, number in (("images", index), ("masks", 0), ("masks", 1)):
                pixels[5 + number : 12, 5:12] = 255
                Image.fromarray(pixels).save(stream := io.BytesIO(), "PNG")
                archive.writestr(
                    f"set/s{index}/{folder}/s{index if folder == 'images' else number}.png", stream.getvalue()
                )
        archive.writestr("set/groups.csv", "ImageId,group\ns0,a\ns1,b\n")
    return path


def many_folders(path: Path) -> Path:
    """Write a small archive of very many folders."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for index in range(300):
            archive.writestr("/".join(f"{index}-{level}" for level in range(90)) + "/a.png", b"")
    return path


def strange_value(chance: random.Random) -> object:
    """Return something that may stand in JSON and that nobody expects."""
    return chance.choice(
        [None, True, -1, 0, 10**400, 1e308, "", "x" * 100_000, "\n", [], {}, [[]] * 500, {"x": {"y": []}}, "=1+1", -0.5]
    )


def endless_groups(path: Path) -> Path:
    """Write a small archive with a table of groups of eight million rows."""
    return _archive(good_archive(path), {"groups.csv": "ImageId,group\n" + "x,\n" * 8_000_000})


def one_name_everywhere(path: Path) -> Path:
    """Write an archive of four thousand images that all have one name."""
    Image.new("L", (1, 1)).save(stream := io.BytesIO(), "PNG")
    return _archive(path, {f"{index % 60}/{index}/images/a.png": stream.getvalue() for index in range(4000)})


def large_beside_large(path: Path) -> Path:
    """Write a small archive of twelve 16-bit images of 49 megapixels."""
    Image.fromarray(np.zeros((7000, 7000), np.uint16)).save(stream := io.BytesIO(), "PNG")
    return _archive(path, {f"{index}.png": stream.getvalue() for index in range(12)})


def _archive(path: Path, files: dict[str, bytes | str]) -> Path:
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def notes_that_name(file: Path) -> bytes:
    """Return an OME-TIFF whose notes say that its pixels lie in another file of the server."""
    tifffile.imwrite(stream := io.BytesIO(), np.zeros((2, 5, 6), np.uint8), ome=True)
    stream.seek(0)
    with tifffile.TiffFile(stream) as written:
        notes = written.ome_metadata or ""
    named = notes.replace(
        "</Pixels>", f'<TiffData IFD="0"><UUID FileName="{file}">urn:uuid:1</UUID></TiffData></Pixels>'
    )
    tifffile.imwrite(stream := io.BytesIO(), np.zeros((5, 6), np.uint8), description=named, metadata=None)
    return stream.getvalue()
