"""How a TIFF's pages belong together, as OME-XML or ImageJ's notes say; both may be written by anybody.

They are read here, and not by tifffile's ``series``: that opens any other file which the notes name, and makes lists
as long as they say.
"""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree

import numpy as np
import tifffile

MAX_XML = 4_000_000
# The axes of ImageJ's stacks, the fastest first.
IMAGEJ = (("C", "channels"), ("Z", "slices"), ("T", "frames"))


def ome_pixels(tiff: tifffile.TiffFile) -> ElementTree.Element | None:
    """Return the first ``Pixels`` element of the OME-XML, or None if there is none that can be trusted."""
    text = tiff.ome_metadata
    # Entities are what makes XML dangerous, and no microscope needs them.
    if not text or len(text) > MAX_XML or "<!" in text.replace("<!--", ""):
        return None
    return next((element for element in ElementTree.fromstring(text).iter() if _name(element) == "Pixels"), None)


def page_order(tiff: tifffile.TiffFile, pages: int) -> tuple[str, np.ndarray] | None:
    """Return the axes beside height and width, the slowest first, and which page lies where on them.

    Returns
    -------
    axes : str
        Such as ``TZC``.
    order : array of int
        A dimension an axis; each of the file's pages is in it once.

    None is returned instead if the notes say nothing, or nothing that fits the pages.
    """
    if tiff.is_ome:
        pixels = ome_pixels(tiff)
        return None if pixels is None else _ome_order(pixels, pages)
    if tiff.is_imagej:
        notes = tiff.imagej_metadata or {}
        sizes = {axis: int(notes.get(name, 1)) for axis, name in IMAGEJ}
        return _shaped(sizes, "CZT", np.arange(pages))
    return None


def _ome_order(pixels: ElementTree.Element, pages: int) -> tuple[str, np.ndarray] | None:
    fastest = pixels.get("DimensionOrder", "XYCZT").removeprefix("XY")
    sizes = {axis: int(pixels.get(f"Size{axis}", 1)) for axis in "CZT"}
    if sorted(fastest) != ["C", "T", "Z"] or sizes["C"] * sizes["Z"] * sizes["T"] != pages or min(sizes.values()) < 1:
        return None
    order = np.full(pages, -1)
    steps = {fastest[0]: 1, fastest[1]: sizes[fastest[0]], fastest[2]: sizes[fastest[0]] * sizes[fastest[1]]}
    for data in (child for child in pixels if _name(child) == "TiffData"):
        first = sum(int(data.get(f"First{axis}", 0)) * step for axis, step in steps.items())
        page = int(data.get("IFD", 0))
        count = int(data.get("PlaneCount", data.get("NumPlanes", 1 if "IFD" in data.attrib else pages)))
        count = min(count, pages - first, pages - page)
        if first < 0 or page < 0 or count < 0:
            return None
        order[first : first + count] = np.arange(page, page + count)
    return _shaped(sizes, fastest, order)


def _shaped(sizes: dict[str, int], fastest: str, order: np.ndarray) -> tuple[str, np.ndarray] | None:
    axes = fastest[::-1]
    shape = [sizes[axis] for axis in axes]
    if min(shape) < 1 or shape[0] * shape[1] * shape[2] != len(order) or len(np.unique(order)) != len(order):
        return None
    return (axes, order.reshape(shape)) if order.min() >= 0 else None


def _name(element: ElementTree.Element) -> str:
    return element.tag.rpartition("}")[2]
