"""Which nuclei of a result are which of the truth: overlaps, matches, and what became of each nucleus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
# Up to this many pairs of nuclei are counted in a table, which is quicker than sorting the pixels.
DENSE = 4_000_000


@dataclass(frozen=True)
class Overlaps:
    """Which nuclei of two label maps share pixels.

    Attributes
    ----------
    truth_ids, found_ids : (T,), (F,) int
        As in the maps, ascending.
    truth_areas, found_areas : (T,), (F,) int
        Pixels.
    rows, columns : (P,) int
        Of each pair that shares pixels: index into the truth's and into the found ones.
    shared : (P,) int
        Pixels that the pair shares.
    """

    truth_ids: np.ndarray
    found_ids: np.ndarray
    truth_areas: np.ndarray
    found_areas: np.ndarray
    rows: np.ndarray
    columns: np.ndarray
    shared: np.ndarray

    @cached_property
    def iou(self) -> np.ndarray:
        """Intersection over union of each pair, (P,) float64."""
        return self.shared / (self.truth_areas[self.rows] + self.found_areas[self.columns] - self.shared)


@dataclass(frozen=True)
class Matches:
    """Pairs at one IoU threshold: indices (M,) into the truth's and the found ids, and their IoU."""

    truth: np.ndarray
    found: np.ndarray
    iou: np.ndarray


@dataclass(frozen=True)
class Outcomes:
    """What became of each nucleus; each array holds ids.

    On the truth's side ``matched_truth``, else ``split`` (two or more found objects lie inside it by more than half of
    each), else ``missed``. On the found side ``matched_found``, else ``merged`` (it covers more than half of each of
    two or more nuclei), else ``fragments`` (it lies by more than half inside a nucleus that is split), else ``false``.
    """

    matched_truth: np.ndarray
    split: np.ndarray
    missed: np.ndarray
    matched_found: np.ndarray
    merged: np.ndarray
    fragments: np.ndarray
    false: np.ndarray


def measure_overlaps(truth: np.ndarray, found: np.ndarray) -> Overlaps:
    """Measure which nuclei of two label maps share pixels.

    Parameters
    ----------
    truth, found : (height, width) integer
        0 is background; the numbers need not be consecutive.

    Raises
    ------
    ValueError
        If the maps are of different sizes.
    """
    if truth.shape != found.shape:
        raise ValueError(f"The label maps are of different sizes, {truth.shape} and {found.shape}.")
    truth_ids, truth_areas, truth = _numbered(truth)
    found_ids, found_areas, found = _numbered(found)
    both = (truth > 0) & (found > 0)
    pairs = truth[both].astype(np.int64) * (len(found_ids) + 1) + found[both]
    if (len(truth_ids) + 1) * (len(found_ids) + 1) <= DENSE:
        shared = np.bincount(pairs)
        pairs = np.flatnonzero(shared)
        shared = shared[pairs]
    else:
        pairs, shared = np.unique(pairs, return_counts=True)
    rows, columns = np.divmod(pairs, len(found_ids) + 1)
    return Overlaps(truth_ids, found_ids, truth_areas, found_areas, rows - 1, columns - 1, shared)


def _numbered(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a label map's numbers, their areas, and the map numbered 1, 2, 3 ... in their order."""
    if labels.min(initial=0) < 0 or labels.max(initial=0) > DENSE:
        numbers, labels = np.unique(labels, return_inverse=True)
        areas = np.bincount(labels.ravel(), minlength=len(numbers))
        kept = numbers != 0
        return numbers[kept], areas[kept], np.where(kept, np.cumsum(kept), 0)[labels]
    areas = np.bincount(labels.ravel().astype(np.intp), minlength=1)
    areas[0] = 0
    kept = areas > 0
    numbers = np.flatnonzero(kept)
    return numbers, areas[numbers], np.where(kept, np.cumsum(kept), 0)[labels]


def match(overlaps: Overlaps, iou_threshold: float = 0.5) -> Matches:
    """Return the pairs whose IoU lies strictly above a threshold, as in the 2018 Data Science Bowl.

    From 0.5 on no nucleus can be in two such pairs: of two that each share more than half of it, one would have to
    share pixels with the other. So nothing has to be assigned.

    Raises
    ------
    ValueError
        If the threshold lies below 0.5.
    """
    if iou_threshold < 0.5:
        raise ValueError(f"The IoU threshold is {iou_threshold}; below 0.5 a nucleus could match two others.")
    above = overlaps.iou > iou_threshold
    return Matches(overlaps.rows[above], overlaps.columns[above], overlaps.iou[above])


def outcomes(overlaps: Overlaps, iou_threshold: float = 0.5) -> Outcomes:
    """Say of each nucleus whether it was matched, missed, split or merged, and of each object what it is."""
    pairs = match(overlaps, iou_threshold)
    truth, found = len(overlaps.truth_ids), len(overlaps.found_ids)
    matched_truth, matched_found = np.zeros(truth, bool), np.zeros(found, bool)
    matched_truth[pairs.truth], matched_found[pairs.found] = True, True
    inside = 2 * overlaps.shared > overlaps.found_areas[overlaps.columns]
    covers = 2 * overlaps.shared > overlaps.truth_areas[overlaps.rows]
    split = (np.bincount(overlaps.rows[inside], minlength=truth) >= 2) & ~matched_truth
    merged = (np.bincount(overlaps.columns[covers], minlength=found) >= 2) & ~matched_found
    fragment = np.zeros(found, bool)
    fragment[overlaps.columns[inside & split[overlaps.rows]]] = True
    fragment &= ~matched_found & ~merged
    return Outcomes(
        matched_truth=overlaps.truth_ids[matched_truth],
        split=overlaps.truth_ids[split],
        missed=overlaps.truth_ids[~matched_truth & ~split],
        matched_found=overlaps.found_ids[matched_found],
        merged=overlaps.found_ids[merged],
        fragments=overlaps.found_ids[fragment],
        false=overlaps.found_ids[~matched_found & ~merged & ~fragment],
    )
