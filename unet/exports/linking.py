"""Nuclei that keep their number from plane to plane, or from frame to frame: linked by overlap."""

from __future__ import annotations

import numpy as np
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from unet.errors import ImageError
from unet.evaluation.matching import measure_overlaps
from unet.prediction.objects import renumber

# What has less in common than this IoU is another nucleus.
LEAST = 0.1


class Linker:
    """Numbers the nuclei of neighbouring label maps, one after the other.

    Of all ways to pair the nuclei of two neighbours, that is taken whose IoUs add up to most (Kuhn, "The Hungarian
    method for the assignment problem", 1955). A nucleus that overlaps with none of the one before gets a new number;
    one that a plane does not show gets a new number, too, where it comes back.
    """

    def __init__(self) -> None:
        self._before: np.ndarray | None = None
        self._last = 0

    def link(self, labels: np.ndarray) -> np.ndarray:
        """Return the next label map (height, width) with the numbers of the one before.

        Raises
        ------
        ImageError
            If its size is another one.
        """
        numbers = np.zeros(int(labels.max(initial=0)) + 1, np.int64)
        if self._before is not None:
            old, new = linked_pairs(self._before, labels)
            numbers[new] = old
        found = np.unique(labels)
        fresh = found[(found > 0) & (numbers[found] == 0)]
        numbers[fresh] = self._last + 1 + np.arange(len(fresh))
        self._last += len(fresh)
        self._before = renumber(labels, numbers)
        return self._before

    def start_anew(self) -> None:
        """Begin another row of planes: its nuclei are none of those before."""
        self._before = None


def linked_pairs(before: np.ndarray, labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return which numbers of two label maps (height, width) are one nucleus: those of the first and of the second.

    Raises
    ------
    ImageError
        If the maps are of different sizes.
    """
    if before.shape != labels.shape:
        sizes = " and ".join(f"{shape[1]} x {shape[0]}" for shape in (before.shape, labels.shape))
        raise ImageError(f"Planes of {sizes} pixels cannot be linked.")
    overlaps = measure_overlaps(before, labels)
    enough = overlaps.iou >= LEAST
    rows, columns, iou = overlaps.rows[enough], overlaps.columns[enough], overlaps.iou[enough]
    old, new = len(overlaps.truth_ids), len(overlaps.found_ids)
    # Nuclei that touch nothing in common are paired apart: a table of all of them would be large.
    graph = coo_array((iou, (rows, columns + old)), shape=(old + new, old + new))
    islands = connected_components(graph, directed=False)[1][rows]
    order = np.argsort(islands, kind="stable")
    pairs = [np.zeros((2, 0), np.int64)]
    for places in np.split(order, np.flatnonzero(np.diff(islands[order])) + 1) if len(order) else []:
        there, at = np.unique(rows[places], return_inverse=True)
        here, beside = np.unique(columns[places], return_inverse=True)
        table = np.zeros((len(there), len(here)))
        table[at, beside] = iou[places]
        one, other = linear_sum_assignment(table, maximize=True)
        paired = table[one, other] > 0
        pairs.append(np.stack([there[one[paired]], here[other[paired]]]))
    one, other = np.concatenate(pairs, axis=1)
    return overlaps.truth_ids[one], overlaps.found_ids[other]
