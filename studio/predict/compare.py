"""A second model on the image that is looked at: its viewer beside the first one's, and what the two agree on."""

from __future__ import annotations

import numpy as np
import streamlit as st

from studio.common.text import plain
from studio.predict import viewer
from studio.predict.pipeline import Decision, Job, objects_of
from studio.predict.threshold import own_threshold, set_threshold, threshold_now
from studio.predict.uploads import Upload
from unet.evaluation.matching import match, measure_overlaps
from unet.prediction.objects import summarize_labels

TAKEN = "27.5rem"  # of the window's height, by what stands around two pictures
THRESHOLD = "other_threshold"  # in the address


def other_decision(job: Job) -> Decision:
    """Return the second model's decision: its own settings, and the threshold that the address says."""
    return Decision(threshold_now(job.entry, THRESHOLD), job.entry.info.separation, original=True)


def show_other(job: Job, upload: Upload, page: int, scene: viewer.Scene, name: str) -> np.ndarray:
    """Draw what the second model finds, and return its label map (height, width)."""
    decision = other_decision(job)
    labels = objects_of(job, upload, page, decision)
    show_title(job, summarize_labels(labels).count)
    viewer.show(
        scene,
        name=name,
        threshold=decision.threshold,
        own=own_threshold(job.entry),
        labels=labels,
        key=job.key(upload, page, decision),
        on_threshold=lambda threshold: set_threshold(threshold, THRESHOLD),
        on_selected=lambda number: None,
        more={"edit": None, "no_edit": "Nuclei are corrected in the first model's picture."},
        taken=TAKEN,
        mount="viewer_other",
    )
    return labels


def show_title(job: Job, count: int) -> None:
    """Draw whose picture it is, and how many nuclei are in it."""
    st.markdown(f"**{plain(job.entry.label)}** · {count:,} nuclei")


def show_agreement(jobs: tuple[Job, Job], labels: tuple[np.ndarray, np.ndarray]) -> None:
    """Say how many nuclei both models find, and how many only one of them."""
    overlaps = measure_overlaps(*labels)
    both = len(match(overlaps).truth)
    only = [len(overlaps.truth_ids) - both, len(overlaps.found_ids) - both]
    words = ", ".join(f"{count:,} only {plain(job.entry.label)}" for job, count in zip(jobs, only, strict=True))
    st.caption(f"{both:,} nuclei are found by both (IoU above .5), {words}.")
