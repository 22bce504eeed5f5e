"""The smaller copies of an image that a TIFF holds beside it: sub-images of OME-TIFF, or pages of slide scanners."""

from __future__ import annotations

import importlib.util

import tifffile

# Sizes are rounded at each level; thumbnails of the glass have other proportions.
PROPORTIONS = 0.02
MOST_LEVELS = 16


def has_zarr() -> bool:
    """Tell whether the package is there with which tifffile reads a part of a page: the extra ``[zarr]``."""
    return importlib.util.find_spec("zarr") is not None


def smaller_pages(tiff: tifffile.TiffFile, page: tifffile.TiffPage) -> list[tifffile.TiffPage]:
    """Return the smaller copies of a page, the largest first; none where the notes are damaged."""
    try:
        below = page.pages if page.subifds else None
        if below is not None:
            found = [below.get(place, aspage=True) for place in range(min(len(below), MOST_LEVELS))]
        elif page.index == 0 and page.is_tiled:
            places = range(1, min(len(tiff.pages), MOST_LEVELS))
            others = [tiff.pages.get(place, aspage=True) for place in places]
            found = [each for each in others if isinstance(each, tifffile.TiffPage) and _is_copy(each, tiff)]
        else:
            return []
    except Exception:  # tifffile raises nearly anything on damaged notes
        return []
    levels = [page]
    for each in found:
        assert isinstance(each, tifffile.TiffPage)  # what aspage asks for
        if _is_smaller(each, levels[-1]):
            levels.append(each)
    return levels[1:]


def _is_copy(page: tifffile.TiffPage, tiff: tifffile.TiffFile) -> bool:
    return bool(page.is_tiled and (page.is_reduced or tiff.is_svs))


def _is_smaller(page: tifffile.TiffPage, other: tifffile.TiffPage) -> bool:
    if page.imagelength < 1 or page.imagewidth < 1 or page.imagewidth >= other.imagewidth:
        return False
    tall, wide = other.imagelength / page.imagelength, other.imagewidth / page.imagewidth
    same = (page.dtype, page.samplesperpixel, page.photometric) == (
        other.dtype, other.samplesperpixel, other.photometric,
    )  # fmt: skip
    # A row or column may have been added to make whole blocks.
    return same and abs(tall / wide - 1) < PROPORTIONS + 2 / min(page.imagelength, page.imagewidth)
