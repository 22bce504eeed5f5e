"""Which images a model has learned from: it says so itself, and so do the models that its training started from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass

from unet.datasets.fingerprint import IMAGE_DIGITS
from unet.datasets.samples import DatasetReport
from unet.errors import ModelError, RunError
from unet.models.metadata import ModelInfo
from unet.models.registry import ModelEntry, find_model
from unet.runs.run import Run
from unet.settings import Settings

# The entry of a model's provenance. Of more images, only the dataset's fingerprint is told.
ENTRY, MAX_IMAGES = "learned_images", 10_000
# Digests in one text, so that each stays short of what a Model folder may hold.
A_LINE = 390


@dataclass(frozen=True)
class Learned:
    """What a model has learned from, of the images of one dataset.

    Attributes
    ----------
    ids : frozenset of str
        The samples, as far as it is known which.
    count : int
        How many there are; more than ``ids`` where only their number is known.
    """

    ids: frozenset[str]
    count: int


def packed(digests: Iterable[str]) -> list[str]:
    """Return the digests of images as they stand in a model's provenance; none of more than ``MAX_IMAGES``."""
    known = sorted({digest for digest in digests if digest})
    if len(known) > MAX_IMAGES:
        return []
    return ["".join(known[start : start + A_LINE]) for start in range(0, len(known), A_LINE)]


def learned_images(info: ModelInfo) -> frozenset[str]:
    """Return the digests that a model gives of the images it learned from; a stranger may have written them."""
    lines = info.provenance.get(ENTRY)
    texts = [line for line in lines if isinstance(line, str)] if isinstance(lines, list) else []
    return frozenset(
        text[start : start + IMAGE_DIGITS] for text in texts for start in range(0, len(text), IMAGE_DIGITS)
    )


def lineage(entry: ModelEntry, settings: Settings) -> Iterator[ModelEntry]:
    """Yield a model, the one that its training started from, and so on, as far as they are still here."""
    known: set[str] = set()
    while entry.key not in known:
        known.add(entry.key)
        yield entry
        training = entry.info.provenance.get("training")
        start = training.get("start_from") if isinstance(training, dict) else None
        if not start or not isinstance(start, str):
            return
        try:
            entry = find_model(start, settings)
        except ModelError:
            return


def learned_from(entry: ModelEntry, report: DatasetReport, settings: Settings) -> Learned:
    """Return what a model, or one that its training started from, has learned from of a dataset's images.

    Images are known by their pixels, so that a part of a dataset, or one with other names, is recognised. Models of
    earlier versions say only which dataset it was, and how many images.
    """
    ids: set[str] = set()
    count = 0
    for each in lineage(entry, settings):
        digests = learned_images(each.info)
        ids |= {sample.id for sample in report.usable if sample.digest in digests}
        if not digests and each.info.provenance.get("fingerprint") == report.fingerprint:
            samples = each.info.provenance.get("samples")
            if (trained := _train_ids(each, settings)) is not None:
                ids |= trained
            elif isinstance(samples, int):
                count = max(count, samples)
    return Learned(frozenset(ids), max(count, len(ids)))


def _train_ids(entry: ModelEntry, settings: Settings) -> frozenset[str] | None:
    kind, _, name = entry.key.rpartition(":")
    if kind == "run":
        with suppress(RunError):
            return frozenset(Run(settings.runs / name).info().train_ids)
    return None
