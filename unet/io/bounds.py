"""How much an image may claim to be, checked before memory is given to it."""

from __future__ import annotations


class Refused(Exception):
    """Why an image is refused, as the rest of a sentence that begins with its name."""


def check_size(size: tuple[int, int], max_megapixels: int) -> tuple[int, int]:
    """Return a height and width that are accepted.

    Raises
    ------
    Refused
    """
    height, width = size
    if height <= 0 or width <= 0:
        raise Refused("has no pixels")
    if height * width > max_megapixels * 1_000_000:
        raise Refused(
            f"has {width:,} x {height:,} pixels; more than {max_megapixels} million are not accepted. "
            "Crop it or make it smaller"
        )
    return size
