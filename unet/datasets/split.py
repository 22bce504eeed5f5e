"""Keeping some samples aside to validate on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unet.errors import DatasetError, shortened


def split_samples(
    ids: Sequence[str],
    fraction: float,
    seed: int,
    groups: Sequence[str | None] | None = None,
    stains: Sequence[str | None] | None = None,
) -> tuple[list[str], list[str]]:
    """Split samples at random into those to train and those to validate on.

    The same ids, groups, stains and seed give the same split, in whatever order they come. The validation side has
    the share asked for of each stain, or a little less where whole groups do not fit; of one or two images of a rare
    stain, none need be on it. It is never empty.

    Parameters
    ----------
    ids : sequence of str
    fraction : float
        Share of the samples to validate on, between 0 and 1.
    seed : int
    groups : sequence of str or None, optional
        The group of each sample: those of one group stay on one side. None is a group of its own.
    stains : sequence of str or None, optional
        The stain of each sample; a group's is that of its first one.

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
    kinds: dict[tuple[str, str], str] = {}
    none = [None] * len(ids)
    for sample, group, stain in sorted(zip(ids, groups or none, stains or none, strict=True), key=lambda row: row[0]):
        key = ("group", group) if group else ("sample", sample)
        units.setdefault(key, []).append(sample)
        kinds.setdefault(key, stain or "")
    if len(units) < 2:
        raise DatasetError(
            f"All {len(ids)} images with masks belong to one group, so none can be kept aside to validate on; "
            "split the group or add images of another."
            if len(ids) > 1
            else f"A training needs at least 2 images with masks, one of them to validate on; there are {len(ids)}."
        )
    random = np.random.default_rng(seed)
    keys = sorted(units)
    shuffled = [keys[index] for index in random.permutation(len(keys))]
    chosen: set[str] = set()
    for stain in sorted(set(kinds.values())):
        same = [units[key] for key in shuffled if kinds[key] == stain]
        chosen |= _take(same, fraction * sum(map(len, same)))
    if not chosen:  # every group is larger than the share
        chosen.update(units[min(shuffled, key=lambda key: len(units[key]))])
    return [sample for sample in ids if sample not in chosen], [sample for sample in ids if sample in chosen]


def hold_out_kinds(
    ids: Sequence[str], wanted: str, kinds: Sequence[str | None], groups: Sequence[str | None]
) -> tuple[list[str], list[str]]:
    """Keep whole kinds of samples aside to validate on.

    Parameters
    ----------
    ids : sequence of str
    wanted : str
        The kinds to validate on, separated by commas.
    kinds, groups : sequence of str or None
        Of each sample. One of another kind, but of a group on the validation side, is on neither side.

    Returns
    -------
    train, validation : list of str
        In the order of ``ids``; neither is empty.

    Raises
    ------
    DatasetError
        If there is no such kind, or a side would be empty; the message lists the kinds that there are.
    """
    names = {part.strip() for part in wanted.split(",")} - {""}
    known = sorted({kind for kind in kinds if kind})
    there = (
        f"There are {', '.join(known[:20])}." if known else "Their kinds are not known: no nuclei were found in them."
    )
    if unknown := sorted(names.difference(known)):
        raise DatasetError(f"No image is of the kind “{shortened(unknown[0])}” that is to be held out. {there}")
    rows = list(zip(ids, kinds, groups, strict=True))
    apart = {group for _, kind, group in rows if kind in names and group}
    validation = [sample for sample, kind, _ in rows if kind in names]
    train = [sample for sample, kind, group in rows if kind not in names and group not in apart]
    if not train or not validation:
        side = "learn from" if validation else "validate on"
        raise DatasetError(f"Holding out “{shortened(wanted)}” leaves no image to {side}. {there}")
    return train, validation


def _take(units: list[list[str]], wanted: float) -> set[str]:
    """Return the samples of the first groups that together are as many as wanted; some always stay behind."""
    total = sum(map(len, units))
    target = min(max(1, round(wanted)), total - 1)
    chosen: set[str] = set()
    for unit in units:
        if len(chosen) + len(unit) <= target:
            chosen.update(unit)
    return chosen
