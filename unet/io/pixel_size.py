"""How large a pixel is, as far as a file says it."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import tifffile

from unet.io.ome import ome_pixels
from unet.io.tiff import TIFF_SIGNATURES

# Micrometres in the units that ImageJ and OME-TIFF write.
MICROMETRES = {
    "µm": 1.0, "μm": 1.0, "um": 1.0, "micron": 1.0, "microns": 1.0, "micrometer": 1.0, "micrometre": 1.0,
    "nm": 1e-3, "nanometer": 1e-3, "mm": 1e3, "millimeter": 1e3, "cm": 1e4, "centimeter": 1e4,
    "m": 1e6, "meter": 1e6, "inch": 25_400.0, "in": 25_400.0, "Å": 1e-4, "pm": 1e-6,
}  # fmt: skip
# Of the TIFF standard's ResolutionUnit: inch and centimetre; 1 means that there is no unit.
TIFF_UNITS = {2: 25_400.0, 3: 10_000.0}
# What no microscope has: below, a pixel is less than an atom; above, it is more than a millimetre. Programs write 72,
# 300 or 1200 dots an inch into every picture: what is above 20 µm in a TIFF's own tags says how to print it.
SMALLEST, LARGEST, LARGEST_OF_TAGS = 1e-5, 1e3, 20.0


@dataclass(frozen=True)
class PixelSize:
    """Width and height of a pixel, in micrometres."""

    x: float
    y: float

    @property
    def mean(self) -> float:
        """Side of the square that is as large."""
        return math.sqrt(self.x * self.y)


def read_pixel_size(path: Path | str) -> PixelSize | None:
    """Return how large a pixel is, from OME-XML, ImageJ's notes or the resolution tags of a TIFF, in this order.

    Whatever makes no sense for a microscope is left out; a file that cannot be read has no pixel size. Resolutions of
    screens and printers, 72 to 300 dots an inch and alike, are left out as well.
    """
    try:
        with Path(path).open("rb") as file:
            if not file.read(4).startswith(TIFF_SIGNATURES):
                return None
        with tifffile.TiffFile(path, _multifile=False) as tiff:
            return _of_ome(tiff) or _of_imagej(tiff) or _of_tags(tiff)
    except Exception:  # The libraries raise nearly anything on a damaged file, which is told of where it is read.
        return None


def _of_ome(tiff: tifffile.TiffFile) -> PixelSize | None:
    pixels = ome_pixels(tiff)
    if pixels is None:
        return None
    sizes = [
        _number(pixels.get(f"PhysicalSize{axis}")) * _unit(pixels.get(f"PhysicalSize{axis}Unit", "µm")) for axis in "XY"
    ]
    return sensible_size(*sizes)


def _of_imagej(tiff: tifffile.TiffFile) -> PixelSize | None:
    metadata = tiff.imagej_metadata or {}
    if "unit" not in metadata:
        return None
    # ImageJ writes the letter µ as an escape.
    unit = _unit(str(metadata["unit"]).replace("\\u00B5", "µ"))
    return sensible_size(*(side * unit for side in _sides(tiff)))


def _of_tags(tiff: tifffile.TiffFile) -> PixelSize | None:
    unit = TIFF_UNITS.get(int(tiff.pages.first.tags.valueof("ResolutionUnit", 2)), math.nan)
    x, y = _sides(tiff)
    return sensible_size(x * unit, y * unit, largest=LARGEST_OF_TAGS)


def _sides(tiff: tifffile.TiffFile) -> list[float]:
    """Return the width and height of a pixel in the file's unit."""
    sides = []
    for name in ("XResolution", "YResolution"):
        pixels, of = tiff.pages.first.tags.valueof(name, (0, 1))
        sides.append(of / pixels if pixels else math.nan)
    return sides


def _unit(name: str | None) -> float:
    return MICROMETRES.get(re.sub(r"\s", "", name or ""), math.nan)


def _number(text: str | None) -> float:
    return float(text) if text else math.nan


def sensible_size(x: float, y: float, largest: float = LARGEST) -> PixelSize | None:
    """Return a pixel size in micrometres, or None if no microscope has such pixels."""
    ok = all(SMALLEST <= side <= largest for side in (x, y)) and 0.1 < x / y < 10
    return PixelSize(x, y) if ok else None
