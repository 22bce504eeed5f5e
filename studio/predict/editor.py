"""Correcting nuclei by hand: what the viewer is told and tells, what was corrected, and at which threshold."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import streamlit as st

from studio.common.cache_key import Key
from studio.common.parameters import ORIGINAL
from studio.common.text import plain
from studio.predict.corrected import basis_of, corrections_of, damage_of
from studio.predict.nuclei_table import select_nucleus
from studio.predict.pipeline import Decision, Job, correct, nuclei_of, objects_of
from studio.predict.threshold import set_threshold
from studio.predict.uploads import Upload
from studio.predict.viewer import Scene
from unet.corrections import history
from unet.corrections.carry import carry, touched
from unet.corrections.carry import replace as bring_in
from unet.corrections.history import sentence
from unet.corrections.load import SUFFIXES, read_nuclei
from unet.corrections.operation import CorrectionError, Operation
from unet.errors import UnetError

ANSWER, STARTED, IMPORTED, PROBLEM = "correction_answer", "started_over", "imported_files", "import_problem"
MAX_FILE_MB = 100  # of nuclei in a file
# Each correction walks through all labels, which are held in memory.
MOST_PIXELS = 64_000_000
TOO_LARGE = (
    "Images of more than 64 megapixels cannot be corrected here; cut out the part that you need, or correct its label "
    "map in another program and import it"
)
# So many of the last steps' names are enough for a browser to know which are kept.
LAST = 200


def viewed(job: Job, upload: Upload, page: int, decision: Decision) -> Decision:
    """Return the decision with what is looked at: the nuclei as corrected, or as the model found them."""
    key = job.key(upload, page, decision)
    original = st.query_params.get(ORIGINAL) == "1" and bool(corrections_of(key, job.settings.home).operations)
    return replace(decision, original=original)


def edit_state(job: Job, upload: Upload, page: int, decision: Decision, scene: Scene) -> dict[str, Any]:
    """Return what the viewer has to know to correct nuclei, or why they cannot be corrected."""
    if scene.size[0] * scene.size[1] > MOST_PIXELS:
        return {"edit": None, "no_edit": TOO_LARGE}
    if decision.original:
        return {"edit": None, "no_edit": "Choose “Corrected” below the picture to go on correcting"}
    key = job.key(upload, page, decision)
    if damage := damage_of(key, job.settings.home):
        return {"edit": None, "no_edit": damage}
    corrections = corrections_of(key, job.settings.home)
    basis = key.but(corrections=0).token
    answer = st.session_state.get(ANSWER, {})
    if answer.get("basis") != basis:
        answer = {}
    edit = {
        "basis": basis,
        "revision": corrections.revision,
        "next": nuclei_of(job, upload, page, decision).next,
        "undo": bool(corrections.operations),
        "redo": bool(corrections.undone),
        "done": corrections.ids[-LAST:],
        "refused": answer.get("refused", []),
        "error": answer.get("error"),
    }
    return {"edit": edit, "no_edit": ""}


def take_correction(job: Job, upload: Upload, page: int, decision: Decision, sent: Any, chosen: int | None) -> None:
    """Keep what the viewer hands over; for callbacks."""
    key = job.key(upload, page, decision)
    basis = key.but(corrections=0).token
    # What was drawn before the threshold moved belongs to other nuclei.
    if not isinstance(sent, dict) or sent.get("basis") != basis:
        return
    try:
        st.session_state[ANSWER] = {"basis": basis, **correct(job, upload, page, decision, sent)}
    except CorrectionError as error:
        st.session_state[ANSWER] = {"basis": basis, "refused": [], "error": str(error)}
    select_nucleus(basis, chosen)


def touched_numbers(job: Job, upload: Upload, page: int, decision: Decision) -> set[int]:
    """Return the numbers of the nuclei that were corrected, of those that are looked at."""
    key = job.key(upload, page, decision)
    return _touched(key, job, upload, decision) if key.corrections else set()


@st.cache_data(max_entries=16, show_spinner=False)
def _touched(key: Key, _job: Job, _upload: Upload, _decision: Decision) -> set[int]:
    original = objects_of(_job, _upload, key.page, replace(_decision, original=True))
    return set(touched(original, objects_of(_job, _upload, key.page, _decision)).tolist())


# ---- below the picture -----------------------------------------------------------------------------------------


def show_corrections(job: Job, upload: Upload, page: int, decision: Decision, count: int) -> None:
    """Draw what was corrected, with the switch between original and corrected nuclei.

    Parameters
    ----------
    job, upload, page, decision
    count : int
        Nuclei that are looked at.
    """
    key = job.key(upload, page, decision)
    if damage := damage_of(key, job.settings.home):
        st.warning(f"The nuclei are shown as the model found them. {plain(damage)}", icon=":material/warning:")
    operations = corrections_of(key, job.settings.home).operations
    if not operations:
        return
    other = objects_of(job, upload, page, replace(decision, original=not decision.original))
    counts = (count, int(np.count_nonzero(np.bincount(other.ravel())[1:])))
    before, after = counts if decision.original else counts[::-1]
    with st.container(horizontal=True, vertical_alignment="center", key="corrections"):
        st.segmented_control(
            "What is shown",
            ["Original", "Corrected"],
            default="Original" if decision.original else "Corrected",
            required=True,
            label_visibility="collapsed",
            key=f"shown-{key.token}",
            on_change=_show,
            args=(not decision.original,),
        )
        st.markdown(f"{sentence(operations)}. {before:,} nuclei before, {after:,} now.", width="content")


def _show(original: bool) -> None:
    if original:
        st.query_params[ORIGINAL] = "1"
    elif ORIGINAL in st.query_params:
        del st.query_params[ORIGINAL]


def ask_about_others(job: Job, upload: Upload, page: int, decision: Decision) -> None:
    """Ask what becomes of corrections made at another threshold, where there are none at this one."""
    key = job.key(upload, page, decision)
    if corrections_of(key, job.settings.home).operations or key.token in st.session_state.get(STARTED, ()):
        return
    others = history.others(basis_of(key), job.settings.home)
    if not others:
        return
    basis, corrections = others[0]
    moved = basis.threshold != decision.threshold
    where = f"at threshold {basis.threshold:.2f}" if moved else "with other settings of what counts as a nucleus"
    with st.container(border=True, key="carry"):
        st.markdown(
            f":material/edit: {plain(sentence(corrections.operations))}, made {where}. Keep the corrected nuclei "
            "and take the rest as it is found now, or start over?"
        )
        with st.container(horizontal=True):
            there = Decision(basis.threshold, basis.separation)
            arguments = (job, upload, page, there, replace(decision, original=False))
            st.button(
                "Keep corrected nuclei", icon=":material/merge:", key="keep_corrected", on_click=_carry, args=arguments
            )
            st.button(
                "Start over", icon=":material/restart_alt:", key="start_over", on_click=_start_over, args=(key.token,)
            )
            if moved:
                st.button(
                    f"Back to {basis.threshold:.2f}", icon=":material/undo:", key="back_to_corrected",
                    on_click=set_threshold, args=(basis.threshold,),
                )  # fmt: skip


def _carry(job: Job, upload: Upload, page: int, there: Decision, here: Decision) -> None:
    before = objects_of(job, upload, page, replace(there, original=True))
    operation = carry(before, objects_of(job, upload, page, there))
    key = job.key(upload, page, here)
    try:
        history.add(basis_of(key), job.settings.home, operation, key.corrections)
    except CorrectionError as error:
        st.session_state[ANSWER] = {"basis": key.but(corrections=0).token, "refused": [], "error": str(error)}


def _start_over(token: str) -> None:
    st.session_state[STARTED] = {*st.session_state.get(STARTED, ()), token}


def choose_nuclei_file(job: Job, upload: Upload, page: int, decision: Decision, name: str) -> None:
    """Draw the way in for nuclei that other programs, or this one, have written into a file."""
    with st.popover("Import nuclei", icon=":material/upload:", width="stretch", key="import_nuclei"):
        st.caption("They replace the nuclei of this image; undo restores those.")
        key = f"nuclei_file_{st.session_state.get(IMPORTED, 0)}"
        st.file_uploader(
            "Label map (TIFF, PNG), ImageJ ROIs, GeoJSON or COCO",
            type=[suffix[1:] for suffix in SUFFIXES],
            key=key,
            max_upload_size=MAX_FILE_MB,
            on_change=_import_nuclei,
            args=(job, upload, page, replace(decision, original=False), name, key),
        )
        if problem := st.session_state.pop(PROBLEM, None):
            st.error(plain(problem), icon=":material/error:")


def offer_empty(job: Job, upload: Upload, page: int, decision: Decision, count: int) -> None:
    """Draw the button that takes all nuclei away, so that an image can be annotated from nothing."""
    st.button(
        "Start with no nuclei",
        icon=":material/ink_eraser:",
        width="stretch",
        key="start_empty",
        disabled=not count or decision.original,
        on_click=_empty,
        args=(job, upload, page, decision),
        help="Takes all nuclei of this image away, so that you can draw your own in Edit: nuclei, or any other objects "
        "to train a model for. Undo brings them back.",
    )


def _empty(job: Job, upload: Upload, page: int, decision: Decision) -> None:
    key = job.key(upload, page, decision)
    try:
        history.add(basis_of(key), job.settings.home, Operation("replace"), key.corrections)
    except CorrectionError as error:
        st.session_state[ANSWER] = {"basis": key.but(corrections=0).token, "refused": [], "error": str(error)}


def _import_nuclei(job: Job, upload: Upload, page: int, decision: Decision, name: str, key: str) -> None:
    file = st.session_state[key]
    if file is None:
        return
    # The file is taken: the widget begins anew.
    st.session_state[IMPORTED] = st.session_state.get(IMPORTED, 0) + 1
    try:
        size = objects_of(job, upload, page, decision).shape
        operation = bring_in(read_nuclei(file.getvalue(), file.name, size, name))
        seen = job.key(upload, page, decision)
        history.add(basis_of(seen), job.settings.home, operation, seen.corrections)
    except UnetError as error:
        st.session_state[PROBLEM] = str(error)
    _show(original=False)
