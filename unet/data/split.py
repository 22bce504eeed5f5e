"""Keeping some samples aside to validate on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unet.errors import DatasetError


def split_samples(
    ids: Sequence[str], fraction: float, seed: int, groups: Sequence[str | None] | None = None
) -> tuple[list[str], list[str]]:
    """Split samples at random into those to train and those to validate on.

    The same ids, groups and seed give the same split, in whatever order they come. The validation side has the share
    asked for, or a little less where whole groups do not fit; never less than the smallest group.

    Parameters
    ----------
    ids : sequence of str
    fraction : float
        Share of the samples to validate on, between 0 and 1.
    seed : int
    groups : sequence of str or None, optional
        The group of each sample: those of one group stay on one side. None is a group of its own.

    Returns
    -------
    train, validation : list of str
        In the order of ``ids``; neither is empty.

    Raises
    ------
    DatasetError
        If there are fewer than two samples, or all are in one group.
    """
    units: dict[tuple[str, str], list[str]] = {}
    for sample, group in zip(ids, groups or [None] * len(ids), strict=True):
        units.setdefault(("group", group) if group else ("sample", sample), []).append(sample)
    if len(units) < 2:
        raise DatasetError(
            f"All {len(ids)} images with masks belong to one group, so none can be kept aside to validate on; "
            "split the group or add images of another."
            if len(ids) > 1
            else f"A training needs at least 2 images with masks, one of them to validate on; there are {len(ids)}."
        )
    target = min(max(1, round(fraction * len(ids))), len(ids) - 1)
    keys = sorted(units)
    shuffled = [units[keys[index]] for index in np.random.default_rng(seed).permutation(len(keys))]
    chosen: set[str] = set()
    for unit in shuffled:
        if len(chosen) + len(unit) <= target:
            chosen.update(unit)
    if not chosen:  # every group is larger than the share
        chosen.update(min(shuffled, key=len))
    return [sample for sample in ids if sample not in chosen], [sample for sample in ids if sample in chosen]
