"""The outlines of objects: polygons along the edges of pixels, so that filling them gives back the object."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from unet.exports.rings import simple_rings

# Directions in which an outline goes on, clockwise on the screen: right, down, left, up, as (x, y).
STEPS = ((1, 0), (0, 1), (-1, 0), (0, -1))

Ring = np.ndarray
# Where it begins, as x and y, and its direction.
Edge = tuple[int, int, int]


@dataclass(frozen=True)
class Outline:
    """The outline of one object.

    Attributes
    ----------
    number : int
        In the label map.
    parts : list of list of (points, 2) int
        Each part's outer ring, then its holes: x and y of the corners, in pixels from the image's upper left corner;
        a ring ends where it began, and that point is given once. Pixels that touch at a corner only are parts of
        their own.
    mask : (height, width) bool
        Its pixels, in the box.
    box : tuple of slice
        Rows and columns of the image.
    """

    number: int
    parts: list[list[Ring]]
    mask: np.ndarray
    box: tuple[slice, slice]


def outlines(labels: np.ndarray) -> Iterator[Outline]:
    """Yield the outline of each object of a label map (height, width), in the order of their numbers."""
    simple = simple_rings(labels)
    for number, box in enumerate(ndimage.find_objects(labels), start=1):
        if box is not None:
            mask = np.asarray(labels[box]) == number
            rings = simple.get(number)
            yield Outline(number, [rings] if rings else _parts(mask, (box[1].start, box[0].start)), mask, box)


def _parts(mask: np.ndarray, corner: tuple[int, int]) -> list[list[Ring]]:
    # By 4-neighbours: so no ring touches itself, which programs of geometry refuse.
    pieces, count = ndimage.label(mask)
    parts = []
    for piece in range(1, count + 1):
        rings = [ring + np.array(corner) for ring in trace(pieces == piece)]
        # Outer rings go clockwise on the screen, holes the other way.
        outer = [ring for ring in rings if _signed_area(ring) > 0]
        parts.append([*outer, *(ring for ring in rings if _signed_area(ring) < 0)])
    return parts


def joined_ring(outline: Outline) -> Ring:
    """Return the outer ring of an object as one, also where it hangs together at corners only; holes are filled.

    For programs whose shapes are one line around. Of an object in several pieces it is the largest one's.
    """
    if len(outline.parts) == 1 and len(outline.parts[0]) == 1:
        return outline.parts[0][0]
    left, top = outline.box[1].start, outline.box[0].start
    rings = trace(ndimage.binary_fill_holes(outline.mask))
    return max(rings, key=_signed_area) + np.array([left, top])


def _signed_area(ring: Ring) -> float:
    x, y = ring.T
    return float(np.dot(x, np.roll(y, -1)) - np.dot(np.roll(x, -1), y)) / 2


def trace(mask: np.ndarray) -> list[Ring]:
    """Follow the edges between a mask's pixels and the rest, the mask always to the right.

    Where two pixels touch at a corner only, the line goes on with the other one: so a hole that touches the outer line
    there is a ring of its own, and pixels that hang together there have one line around them.

    Parameters
    ----------
    mask : (height, width) bool

    Returns
    -------
    list of (points, 2) int
        The corners of each closed line, as x and y.
    """
    inside = np.pad(mask, 1)
    # Edges by their direction: each begins at a corner of a pixel that has no neighbour on that side.
    sides = (
        (inside[:-2, 1:-1], (0, 0)),  # above: from the upper left corner to the right
        (inside[1:-1, 2:], (1, 0)),
        (inside[2:, 1:-1], (1, 1)),
        (inside[1:-1, :-2], (0, 1)),
    )
    edges = {
        (column + x, row + y, direction)
        for direction, (beside, (x, y)) in enumerate(sides)
        for row, column in np.argwhere(mask & ~beside).tolist()
    }
    rings = []
    while edges:
        rings.append(_follow(edges, next(iter(edges))))
    return rings


def _follow(edges: set[Edge], start: Edge) -> Ring:
    """Take the edges of one closed line out of the set, and return its corners."""
    corners, edge, before = [], start, None
    while edge in edges:
        edges.remove(edge)
        x, y, direction = edge
        if direction != before:
            corners.append((x, y))
        before = direction
        x, y = x + STEPS[direction][0], y + STEPS[direction][1]
        # To the left first, then straight on, then to the right.
        ahead = [(x, y, (direction + turn) % 4) for turn in (3, 0, 1)]
        edge = next((each for each in ahead if each == start or each in edges), start)
    ring = np.array(corners, int)
    # It may have begun in the middle of a straight line.
    return ring[1:] if start[2] == before else ring
