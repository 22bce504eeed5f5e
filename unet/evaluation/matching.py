"""Which nuclei of a result are which of the truth: overlaps, matches, and what became of each nucleus."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

IOU_THRESHOLDS = tuple(round(0.5 + 0.05 * step, 2) for step in range(10))
# Pairs are counted in a table of up to this many cells a pixel; beyond, sorting the pixels takes less time and memory.
CELLS_PER_PIXEL = 2


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
    truth_numbers, found_numbers, pixels = _count_pairs(truth, found)
    truth_ids, truth_areas = _areas(truth_numbers, pixels)
    found_ids, found_areas = _areas(found_numbers, pixels)
    both = (truth_numbers != 0) & (found_numbers != 0)
    rows = np.searchsorted(truth_ids, truth_numbers[both])
    columns = np.searchsorted(found_ids, found_numbers[both])
    return Overlaps(truth_ids, found_ids, truth_areas, found_areas, rows, columns, pixels[both])


def _count_pairs(truth: np.ndarray, found: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the pairs of numbers that lie on one pixel, background included, and on how many pixels each lies."""
    width = int(found.max(initial=0)) + 1
    cells = (int(truth.max(initial=0)) + 1) * width
    if min(truth.min(initial=0), found.min(initial=0)) < 0 or cells > np.iinfo(np.int64).max:
        # Such numbers make no key, but their places among all numbers do.
        truth_numbers, truth = np.unique(truth, return_inverse=True)
        found_numbers, found = np.unique(found, return_inverse=True)
        rows, columns, pixels = _count_pairs(truth, found)
        return truth_numbers[rows], found_numbers[columns], pixels
    keys = truth.astype(np.int64).ravel()
    keys *= width
    keys += found.astype(np.int64, copy=False).ravel()
    if cells <= CELLS_PER_PIXEL * keys.size:
        table = np.bincount(keys)
        pairs = np.flatnonzero(table)
        pixels = table[pairs]
    else:
        pairs, pixels = np.unique(keys, return_counts=True)
    return *np.divmod(pairs, width), pixels


def _areas(numbers: np.ndarray, pixels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers of the nuclei that pairs are made of, ascending, and their areas."""
    ids, index = np.unique(numbers[numbers != 0], return_inverse=True)
    return ids, np.bincount(index, pixels[numbers != 0]).astype(np.int64)


def match(overlaps: Overlaps, iou_threshold: float = 0.5) -> Matches:
    """Return the pairs whose IoU lies strictly above a threshold.

    From 0.5 on no nucleus can be in two such pairs: each partner would hold more than half of its pixels, so the two
    would share some (Kirillov et al., "Panoptic Segmentation", CVPR 2019, section 4.1). So nothing has to be assigned.

    Strictly above is the rule of that paper and of the 2018 Data Science Bowl's sample implementation
    (kaggle.com/wcukierski/example-metric-implementation); ``stardist.matching`` also takes an IoU equal to the
    threshold.

    Parameters
    ----------
    overlaps : Overlaps
    iou_threshold : float
        0.5 to 1.

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
    """Say what became of each nucleus and what each found object is.

    Parameters
    ----------
    overlaps : Overlaps
    iou_threshold : float
        What counts as matched, 0.5 to 1.

    Raises
    ------
    ValueError
        If the threshold lies below 0.5.
    """
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
