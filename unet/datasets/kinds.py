"""Kinds of images: those of one experiment look alike, and only a score on kinds not learned from says what others get.

A random share to validate on comes from the experiments that were learned from, and flatters. So images are grouped by
what can be measured of them: background, colour, size, nuclei, contrast and texture. A fold keeps whole kinds aside, of
those that are most alike, so that little like them stays behind to learn from.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.ndimage import gaussian_filter

from unet.datasets.samples import SampleReport
from unet.memmap import row_blocks
from unet.preprocess.background import HIGH, LOW, LUMA, is_bright
from unet.preprocess.resize import Range, to_channels

if TYPE_CHECKING:
    import pandas as pd

# More images are not compared: each is compared with every other one.
MAX_IMAGES = 5000
# Of a larger image its middle is looked at.
LOOKED_AT = 1024
# How much each part of a look counts; the logarithms are per doubling.
WEIGHTS = {
    "bright background": 3.0,
    "log colour": 1.0,
    "share of red": 15.0,
    "share of blue": 15.0,
    "log image size": 0.7,
    "log brightness": 0.5,
    "log diameter of nuclei": 1.5,
    "log share of nuclei": 0.5,
    "level of nuclei": 4.0,
    "log level of background": 0.5,
    "log texture of nuclei": 1.0,
    "log texture of background": 1.0,
}
# Where joining two clusters ends, as Ward has it: more apart than that, they are kinds of their own. On the 2018 Data
# Science Bowl it finds twelve, by and large the experiments that image size, stain and nuclei tell.
APART = 6.0
# Of the images with one kind of background, the largest share that one fold keeps aside.
LARGEST_SHARE = 0.45


def measure_look(image: np.ndarray, labels: np.ndarray) -> tuple[float, ...]:
    """Return what an image with nuclei looks like: a weighted number for each of ``WEIGHTS``; none without nuclei.

    Parameters
    ----------
    image : (height, width) or (height, width, channels)
        Of any depth.
    labels : (height, width) integer
        0 is background.
    """
    top, left = (max(0, (length - LOOKED_AT) // 2) for length in labels.shape)
    middle = slice(top, top + LOOKED_AT), slice(left, left + LOOKED_AT)
    nuclei = labels[middle] > 0
    if not nuclei.any() or nuclei.all():
        return ()
    colour = to_channels(Range.of(image)(image[middle]), 3).astype(np.float32) / 255
    bright = is_bright(colour @ LUMA)
    # What a dark image's colour is depends on what the microscope's program paints it in.
    colour = colour if bright else np.repeat(colour.max(axis=2, keepdims=True), 3, axis=2)
    grey = colour @ LUMA
    low, high = np.percentile(grey, [LOW, HIGH])
    stretched = np.clip((grey - low) / max(high - low, 1 / 255), 0, 1)
    stretched = 1 - stretched if bright else stretched
    fine = stretched - gaussian_filter(stretched, 1.5)
    mean = colour.mean(axis=(0, 1))
    areas = np.zeros(int(labels.max()) + 1, np.int64)
    for rows in row_blocks(labels.shape):  # some at a time: counting takes eight bytes a pixel
        areas += np.bincount(labels[rows].ravel(), minlength=len(areas))
    areas = areas[1:]
    measured = (
        bright,
        np.log2(200 * np.abs(colour - colour.mean(axis=2, keepdims=True)).mean() + 2.5),
        mean[0] / max(mean.sum(), 1e-6),
        mean[2] / max(mean.sum(), 1e-6),
        np.log2(labels.size),
        np.log2(255 * high + 4),
        np.log2(np.median(areas[areas > 0])) / 2,
        np.log2(nuclei.mean() + 0.01),
        stretched[nuclei].mean(),
        np.log2(stretched[~nuclei].mean() + 0.01),
        np.log2(fine[nuclei].std() + 0.003),
        np.log2(fine[~nuclei].std() + 0.003),
    )
    return tuple(round(float(value) * weight, 3) for value, weight in zip(measured, WEIGHTS.values(), strict=True))


def find_kinds(samples: Sequence[SampleReport]) -> list[str | None]:
    """Find which images are of one kind; those of one group always are.

    Returns
    -------
    list of str or None
        For each sample ``kind-1`` (that with most images), ``kind-2`` …; None where it has no look, or there are too
        many images to compare.
    """
    seen = [index for index, sample in enumerate(samples) if sample.look]
    if not seen or len(seen) > MAX_IMAGES:
        return [None] * len(samples)
    units: dict[str, list[int]] = {}
    for index in seen:
        units.setdefault(samples[index].group or f"{index} alone", []).append(index)
    looks = [np.mean([samples[index].look for index in unit], axis=0) for unit in units.values()]
    numbers = fcluster(linkage(looks, "ward"), APART, "distance") if len(looks) > 1 else [1]
    kinds: dict[int, list[int]] = {}
    for number, unit in zip(numbers, units.values(), strict=True):
        kinds.setdefault(int(number), []).extend(unit)
    found: list[str | None] = [None] * len(samples)
    for place, members in enumerate(sorted(kinds.values(), key=lambda members: (-len(members), min(members))), 1):
        for index in members:
            found[index] = f"kind-{place}"
    return found


def table_of_kinds(samples: Sequence[SampleReport]) -> pd.DataFrame:
    """Return a table of groups, as ``unet.datasets.groups`` reads it, that says the kind of each sample."""
    import pandas as pd

    rows = [(sample.id, sample.group, sample.stain, sample.kind) for sample in samples]
    return pd.DataFrame(rows, columns=["ImageId", "group", "stain", "kind"])


def folds_of_kinds(samples: Sequence[SampleReport], folds: int = 3) -> list[list[str]]:
    """Divide the kinds into folds to keep aside in turn, each with those that are most alike.

    Of images with a dark and with a bright background each fold has its part, as far as there are kinds for it.

    Parameters
    ----------
    samples : sequence of SampleReport
        Those without a kind or a look are passed over: they are always learned from.
    folds : int

    Returns
    -------
    list of list of str
        The kinds of each fold, sorted; fewer folds where there are fewer kinds.
    """
    looks: dict[str, list[tuple[float, ...]]] = {}
    for sample in samples:
        if sample.kind and sample.look:
            looks.setdefault(sample.kind, []).append(sample.look)
    centres = {kind: np.mean(rows, axis=0) for kind, rows in looks.items()}
    sides: dict[bool, list[str]] = {}
    for kind in sorted(looks):
        sides.setdefault(bool(centres[kind][0] > WEIGHTS["bright background"] / 2), []).append(kind)
    chosen: list[list[str]] = [[] for _ in range(folds)]
    for kinds in sides.values():
        blocks = _joined([[kind] for kind in kinds], centres, {kind: len(looks[kind]) for kind in kinds}, folds)
        taken = [0] * folds
        for size, block in sorted(((sum(len(looks[kind]) for kind in block), block) for block in blocks), reverse=True):
            # The emptiest of this background first, of those the emptiest of all.
            place = min(range(folds), key=lambda fold: (taken[fold], sum(len(looks[kind]) for kind in chosen[fold])))
            chosen[place] += block
            taken[place] += size
    return [sorted(kinds) for kinds in chosen if kinds]


def _joined(
    blocks: list[list[str]], centres: dict[str, np.ndarray], sizes: dict[str, int], wanted: int
) -> list[list[str]]:
    """Join the nearest blocks of kinds until as many are left as wanted, or any two would keep too much aside."""
    most = LARGEST_SHARE * sum(sizes.values())

    def size(block: list[str]) -> int:
        return sum(sizes[kind] for kind in block)

    def centre(block: list[str]) -> np.ndarray:
        return np.average([centres[kind] for kind in block], axis=0, weights=[sizes[kind] for kind in block])

    while len(blocks) > wanted:
        pairs = [
            (float(np.linalg.norm(centre(one) - centre(other))), first, second)
            for first, one in enumerate(blocks)
            for second, other in enumerate(blocks)
            if first < second and size(one) + size(other) <= most
        ]
        if not pairs:
            break
        _, first, second = min(pairs)
        joined = blocks[first] + blocks[second]
        blocks = [block for place, block in enumerate(blocks) if place not in (first, second)] + [joined]
    return blocks
