"""Scores of instance segmentation, each with its source, from counts that add up over images."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np

from unet.evaluation.matching import IOU_THRESHOLDS, match, measure_overlaps


def dice(shared: float, total: float) -> float:
    """Return the Dice coefficient 2 |A∩B| / (|A| + |B|) (Dice, Ecology 26, 1945; Sørensen, 1948).

    Parameters
    ----------
    shared : float
        |A∩B|: pixels that are foreground in both.
    total : float
        |A| + |B|. Where it is 0, both are empty and agree: 1.
    """
    return 2 * shared / total if total else 1.0


def iou(shared: float, total: float) -> float:
    """Return the intersection over union |A∩B| / |A∪B| (Jaccard, New Phytologist 11, 1912).

    Takes what ``dice`` takes; |A∪B| is |A| + |B| - |A∩B|. Both empty: 1.
    """
    return shared / (total - shared) if total else 1.0


@dataclass(frozen=True)
class Counts:
    """What scores are made of, of one image or of several: counts add up.

    Attributes
    ----------
    images, truth, found : int
        Images, nuclei in their masks, objects found.
    matched : tuple of int
        Matched pairs at each of ``IOU_THRESHOLDS``.
    iou_sum : float
        Sum of the IoU of the pairs matched at 0.5.
    shared, total : int
        |A∩B| and |A| + |B| of the foreground, in pixels.
    competition_sum, dice_sum, pixel_iou_sum, count_error_sum : float
        Sums of each image's own score.
    """

    images: int = 0
    truth: int = 0
    found: int = 0
    matched: tuple[int, ...] = (0,) * len(IOU_THRESHOLDS)
    iou_sum: float = 0.0
    shared: int = 0
    total: int = 0
    competition_sum: float = 0.0
    dice_sum: float = 0.0
    pixel_iou_sum: float = 0.0
    count_error_sum: float = 0.0

    def __add__(self, other: Counts) -> Counts:
        values: dict[str, Any] = {}
        for item in dataclasses.fields(self):
            one, two = getattr(self, item.name), getattr(other, item.name)
            values[item.name] = tuple(map(sum, zip(one, two, strict=True))) if item.name == "matched" else one + two
        return Counts(**values)

    def to_dict(self) -> dict[str, Any]:
        """Return the counts as JSON types."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Counts:
        """Make the counts from what ``to_dict`` gave."""
        return cls(**{**data, "matched": tuple(data["matched"])})


@dataclass(frozen=True)
class Scores:
    """Scores of one image or of several; all but the counts lie between 0 and 1, except ``count_error``.

    Objects match where their IoU lies strictly above the threshold (see ``matching.match``). Pooled means
    that matched pairs, nuclei and objects are added up over the images before a score is made of them, as
    ``stardist.matching.matching_dataset`` does. An image with neither nuclei nor objects is right: it scores 1, where
    ``stardist.matching`` gives 0; it adds nothing to what is pooled.

    Attributes
    ----------
    images, nuclei, found : int
        Images, nuclei in their masks, objects found.
    competition : float
        The 2018 Data Science Bowl's: the mean over images of the mean over IoU .50:.05:.95 of TP / (TP + FP + FN)
        (Caicedo et al., "Nucleus segmentation across imaging experiments", Nature Methods 16, 2019).
    average_precision : tuple of float
        TP / (TP + FP + FN) at each of ``IOU_THRESHOLDS``, pooled over the images (Schmidt et al., "Cell Detection with
        Star-convex Polygons", MICCAI 2018).
    ap_50_90 : float
        Mean of the pooled average precision at IoU .50:.05:.90, the columns of that paper's table.
    precision, recall, f1 : float
        Pooled, at IoU .5.
    panoptic_quality : float
        Pooled, at IoU .5 (Kirillov et al., "Panoptic Segmentation", CVPR 2019).
    dice, iou : float
        Of the foreground's pixels, the mean over images.
    pooled_dice, pooled_iou : float
        Of all images' pixels together.
    count_error : float
        Mean over images of |found - nuclei| / nuclei; where there is no nucleus, each object found counts 1.
    """

    images: int
    nuclei: int
    found: int
    competition: float
    average_precision: tuple[float, ...] = ()
    ap_50_90: float = 0.0
    precision: float = 0.0
    recall: float = 0.0
    f1: float = 0.0
    panoptic_quality: float = 0.0
    dice: float = 0.0
    iou: float = 0.0
    pooled_dice: float = 0.0
    pooled_iou: float = 0.0
    count_error: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """Return the scores as JSON types."""
        return dataclasses.asdict(self)


def count(truth: np.ndarray, found: np.ndarray) -> Counts:
    """Compare the label maps of one image.

    Parameters
    ----------
    truth, found : (height, width) integer
        0 is background, each nucleus has a number of its own.
    """
    overlaps = measure_overlaps(truth, found)
    nuclei, objects = len(overlaps.truth_ids), len(overlaps.found_ids)
    matched = tuple(len(match(overlaps, threshold).iou) for threshold in IOU_THRESHOLDS)
    shared, total = int(overlaps.shared.sum()), int(overlaps.truth_areas.sum() + overlaps.found_areas.sum())
    return Counts(
        images=1,
        truth=nuclei,
        found=objects,
        matched=matched,
        iou_sum=float(match(overlaps).iou.sum()),
        shared=shared,
        total=total,
        competition_sum=float(np.mean([_precision(pairs, nuclei, objects) for pairs in matched])),
        dice_sum=dice(shared, total),
        pixel_iou_sum=iou(shared, total),
        count_error_sum=abs(objects - nuclei) / max(nuclei, 1),
    )


def scores_of(counts: Counts | Iterable[Counts]) -> Scores:
    """Return the scores of one image's counts, or of several images' together; of none, 0 throughout."""
    counts = counts if isinstance(counts, Counts) else sum(counts, start=Counts())
    if not counts.images:
        return Scores(0, 0, 0, 0.0, (0.0,) * len(IOU_THRESHOLDS))
    pairs, both, images = counts.matched[0], counts.truth + counts.found, counts.images
    precisions = tuple(_precision(each, counts.truth, counts.found) for each in counts.matched)
    return Scores(
        images=images,
        nuclei=counts.truth,
        found=counts.found,
        competition=counts.competition_sum / images,
        average_precision=precisions,
        ap_50_90=float(np.mean(precisions[:9])),
        precision=_share(pairs, counts.found, both),
        recall=_share(pairs, counts.truth, both),
        f1=_share(2 * pairs, both, both),
        panoptic_quality=_share(2 * counts.iou_sum, both, both),
        dice=counts.dice_sum / images,
        iou=counts.pixel_iou_sum / images,
        pooled_dice=dice(counts.shared, counts.total),
        pooled_iou=iou(counts.shared, counts.total),
        count_error=counts.count_error_sum / images,
    )


def _precision(pairs: int, nuclei: int, objects: int) -> float:
    """Return TP / (TP + FP + FN); nothing to find and nothing found is right: 1."""
    return _share(pairs, nuclei + objects - pairs, nuclei + objects)


def _share(part: float, whole: float, both: int) -> float:
    """Return a share; of nothing, 1 where both sides are empty and agree, else 0."""
    return part / whole if whole else float(both == 0)
