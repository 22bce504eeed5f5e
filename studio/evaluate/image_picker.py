"""Choosing images whose nuclei are known: a run's validation side, or all of a dataset."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import streamlit as st

from studio.common.dataset_picker import choose_dataset, dataset_report, shown_datasets
from studio.common.parameters import DATA, DATASET
from studio.common.text import plain
from studio.common.url_state import choose_in_address, gone_from_address
from studio.common.visitor import visitor
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset, list_datasets
from unet.errors import RunError
from unet.models.learned import learned_from
from unet.models.registry import ModelEntry, run_key
from unet.runs.notes import title_of
from unet.runs.run import Run, list_runs
from unet.settings import Settings


@dataclass(frozen=True)
class Labelled:
    """Images to score on.

    Attributes
    ----------
    dataset : Dataset
    report : DatasetReport
    ids : frozenset of str, or None
        Only these samples; None means all.
    words : str
        What the choice is called.
    learned_kinds : frozenset of str
        Kinds of this dataset's images that the first model has learned from; empty where that is not known.
    """

    dataset: Dataset
    report: DatasetReport
    ids: frozenset[str] | None
    words: str
    learned_kinds: frozenset[str] = frozenset()

    @property
    def count(self) -> int:
        """How many images there are to score on."""
        return sum(self.ids is None or sample.id in self.ids for sample in self.report.usable)


def choose_labelled(
    entries: Sequence[ModelEntry], settings: Settings, warn: Callable[[str], object]
) -> Labelled | None:
    """Draw the choice of images, a run's own validation side first; return it, or None if there are none yet.

    Parameters
    ----------
    entries : sequence of ModelEntry
        The models that are to be scored; the first one's validation side comes first.
    settings : Settings
    warn : callable
        Takes what is to be said of the choice.
    """
    datasets = {dataset.id: dataset for dataset in list_datasets(settings)}
    # What a link names can be scored on, whoever it belongs to.
    linked = {entries[0].key, st.query_params.get(DATASET), st.query_params.get(DATA)}
    options = _options(entries[0], datasets, linked, settings)
    if not options:
        return None
    uploaded = st.query_params.pop(DATASET, None)
    if uploaded in datasets:
        st.query_params[DATA] = uploaded
    with st.container(horizontal=True, vertical_alignment="center", gap="small", width=620):
        key = choose_in_address("Images with masks", options, DATA, label_visibility="collapsed")
        with st.popover("Add images", icon=":material/upload:", width="content", key=f"add_labelled_{len(datasets)}"):
            choose_dataset(settings)
    if gone := gone_from_address(options, DATA, "set of images"):
        warn(gone)
    kind, _, name = key.rpartition(":")
    info = Run(settings.runs / name).info() if kind == "run" else None
    dataset = datasets[info.dataset["id"] if info else name]
    report = dataset_report(dataset, settings)
    ids = frozenset(info.validation_ids) if info else None
    learned = [learned_from(entry, report, settings) for entry in entries]
    for entry, each in zip(entries, learned, strict=True):
        # Where it is only known how many they were, they may be any of these.
        seen = len(each.ids if ids is None else each.ids & ids) or (each.count if not each.ids else 0)
        if seen:
            warn(
                f"{plain(entry.info.name)} has learned from {seen:,} images of this dataset: scores on them flatter it."
            )
    kinds = frozenset(sample.kind for sample in report.usable if sample.kind and sample.id in learned[0].ids)
    return Labelled(dataset, report, ids, options[key], kinds)


def _options(entry: ModelEntry, datasets: dict[str, Dataset], linked: set, settings: Settings) -> dict[str, str]:
    """Return what can be chosen: the model's own validation side, all datasets, then other runs' validation sides."""
    sides = {}
    who = visitor(settings)
    for run in list_runs(settings):
        if run_key(run.name) not in linked and not who.may_list(run.folder):
            continue
        try:
            info = run.info()
        except RunError:
            continue
        if info.dataset["id"] in datasets:
            number = len(info.validation_ids)
            sides[run_key(run.name)] = f"{info.dataset['name']} · {number:,} validation images of {title_of(run)}"
    shown = linked | {dataset.id for dataset in shown_datasets(settings)}
    whole = {key: f"{dataset.name} · all images" for key, dataset in datasets.items() if key in shown}
    own = {entry.key: sides.pop(entry.key)} if entry.key in sides else {}
    return own | whole | sides
