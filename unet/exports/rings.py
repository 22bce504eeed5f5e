"""The outlines of all simple objects of a label map at once: those without pixels that touch only at a corner.

Nearly all nuclei are, and of them it is clear at each corner how the outline goes on; so all edges are found by
comparing the map with itself moved by a pixel, and then only followed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from unet.memmap import release_pages, row_blocks

# How an edge of direction d (right, down, left, up, the object to its right) lies to its pixel, as (row, column): the
# neighbour outside, the pixel ahead, and the one ahead of the neighbour; and the pixel's corner where the edge begins.
OUTSIDE = ((-1, 0), (0, 1), (1, 0), (0, -1))
AHEAD = ((0, 1), (1, 0), (0, -1), (-1, 0))
BEGINS = ((0, 0), (0, 1), (1, 1), (1, 0))

Rings = dict[int, list[np.ndarray]]


def simple_rings(labels: np.ndarray) -> Rings:
    """Return the outlines of the simple objects in one piece of a label map (height, width), by their numbers.

    Returns
    -------
    dict
        Of each object its outer ring, then its holes: (points, 2) int, x and y of the corners. The outer ring goes
        clockwise on the screen. Objects that are not simple are missing.
    """
    found = zip(*_edges_of_strips(labels), strict=True)
    edges, following, numbers, pinched = (np.concatenate(each) for each in found)
    broken = set(np.unique(numbers[pinched]).tolist())
    if not len(edges):
        return {}
    order, starts = _in_order(np.searchsorted(edges, following))
    edges, numbers = edges[order], numbers[order]
    direction, pixel = edges % 4, edges // 4
    # Only corners are kept: where an edge goes on in the direction of the one before, in its ring, is none.
    before = np.roll(direction, 1)
    before[starts] = direction[np.append(starts[1:], len(edges)) - 1]
    corner = direction != before
    begins = np.array(BEGINS)[direction[corner]]
    row, column = np.divmod(pixel[corner], labels.shape[1])
    points = np.stack([column + begins[:, 1], row + begins[:, 0]], axis=1)
    firsts = np.append(0, np.cumsum(corner))[starts]
    return _by_object(np.split(points, firsts[1:]), _areas(points, firsts), numbers[starts], broken)


def _by_object(rings: list[np.ndarray], areas: np.ndarray, numbers: np.ndarray, broken: set[int]) -> Rings:
    """Gather each object's rings, the outer one first; those that are broken or in several pieces are left out."""
    found: Rings = {}
    for at in np.lexsort((-areas, numbers)).tolist():
        number = int(numbers[at])
        if number not in found:
            found[number] = [rings[at]]
            continue
        if areas[at] > 0:
            broken.add(number)
        found[number].append(rings[at])
    return {number: each for number, each in found.items() if number not in broken}


def _areas(points: np.ndarray, firsts: np.ndarray) -> np.ndarray:
    """Return the signed area of each ring; the first points are given."""
    following = np.arange(1, len(points) + 1)
    following[np.append(firsts[1:], len(points)) - 1] = firsts
    (x, y), (next_x, next_y) = points.T, points[following].T
    return np.add.reduceat(x * next_y - next_x * y, firsts) / 2


def _in_order(following: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges' numbers ring by ring, and where each ring starts, from the number that follows each edge."""
    order: list[int] = []
    starts: list[int] = []
    waiting, after = bytearray(b"\x01") * len(following), following.tolist()
    for first in range(len(after)):
        if not waiting[first]:
            continue
        starts.append(len(order))
        edge = first
        while waiting[edge]:
            waiting[edge] = 0
            order.append(edge)
            edge = after[edge]
    return np.array(order), np.array(starts)


def _edges_of_strips(labels: np.ndarray) -> Iterator[tuple[np.ndarray, ...]]:
    """Yield the edges of the outlines, some rows at a time.

    As pixel * 4 + direction, ascending; what follows each, its object's number, and whether it ends where two pixels
    touch at a corner only.
    """
    height, width = labels.shape
    for rows in row_blocks((height, width + 2)):
        around = np.zeros((rows.stop - rows.start + 2, width + 2), labels.dtype)
        top, bottom = max(0, rows.start - 1), min(height, rows.stop + 1)
        around[top - rows.start + 1 : bottom - rows.start + 1, 1:-1] = labels[top:bottom]
        release_pages(labels)
        inside = around[1:-1, 1:-1]
        parts = []
        for direction in range(4):
            row, column = np.nonzero((inside != 0) & (inside != _moved(around, OUTSIDE[direction])))
            number = inside[row, column]
            beyond = tuple(a + b for a, b in zip(OUTSIDE[direction], AHEAD[direction], strict=True))
            left, straight = (
                around[row + 1 + down, column + 1 + across] == number for down, across in (beyond, AHEAD[direction])
            )
            at = np.where(left, 0, np.where(straight, 1, 2))
            steps = np.array([beyond, AHEAD[direction], (0, 0)])[at]
            turned = (direction + np.array([3, 0, 1])[at]) % 4
            pixel = (row + rows.start) * width + column
            following = (row + rows.start + steps[:, 0]) * width + column + steps[:, 1]
            parts.append((pixel * 4 + direction, following * 4 + turned, number.astype(np.int64), left & ~straight))
        columns = [np.concatenate(each) for each in zip(*parts, strict=True)]
        order = np.argsort(columns[0])
        yield tuple(each[order] for each in columns)


def _moved(around: np.ndarray, step: tuple[int, int]) -> np.ndarray:
    """Return what lies a step from each pixel inside a border of one."""
    height, width = around.shape
    return around[1 + step[0] : height - 1 + step[0], 1 + step[1] : width - 1 + step[1]]
