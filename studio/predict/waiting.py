"""Before there is anything to see: images that wait to be predicted, and files that cannot be."""

from __future__ import annotations

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from studio.common.progress import progress_bar
from studio.common.text import plain
from studio.common.turns import TURNS, visitor_here
from studio.predict.pipeline import Job
from studio.predict.predicting import still_to_predict, works_of
from studio.predict.prediction_cache import predictions
from studio.predict.uploads import Upload
from unet.digest import digest_of

MOST_PROBLEMS = 8


def show_notices(notices: list[str]) -> None:
    """Draw what is to be said of the choice of model and images."""
    for words in notices:
        st.warning(words, icon=":material/warning:")


def predict_missing(job: Job, images: dict[str, Upload], bar: DeltaGenerator) -> None:
    """Predict the images that are not predicted yet, with progress; what was cancelled waits for a button."""
    waiting = still_to_predict(job, list(images.values()))
    # What was cancelled stays so until somebody asks for it, or other images or another model come.
    these = digest_of(repr([job.key(upload) for upload in waiting]).encode())
    if not waiting:
        return
    if st.session_state.get("cancelled") == these:
        bar.button(
            f"Predict the other {len(waiting)}",
            icon=":material/play_arrow:",
            key="go_on",
            on_click=_cancel,
            args=(None,),
            help=f"{len(waiting)} of {len(images)} images are not predicted.",
        )
        return
    place = st.empty()
    with place.container(border=True):
        if len(waiting) > 1 or _is_large(job, waiting[0]):
            # A click runs the page anew, and what that does not wait for is let go.
            st.button("Cancel", icon=":material/close:", key="cancel", on_click=_cancel_rest, args=(job, waiting))
        with st.spinner("Loading the model …"):
            job.open()
        with progress_bar("Predicting", "images") as progress, progress_bar("This large one", "tiles") as tiles:
            for turn in TURNS.wait(visitor_here(), works_of(job, waiting)):
                progress(len(waiting) - len(still_to_predict(job, waiting)), len(waiting), _behind(turn.ahead))
                if turn.progress:
                    tiles(*turn.progress)
    place.empty()


def _behind(ahead: int) -> str:
    """Say how many images of others come first; nothing where there are none."""
    return f", {ahead} image{'s' if ahead > 1 else ''} ahead of yours" if ahead else ""


def _is_large(job: Job, upload: Upload) -> bool:
    return upload.path.stat().st_size > 8_000_000


def _cancel(these: str | None) -> None:
    st.session_state["cancelled"] = these


def _cancel_rest(job: Job, waiting: list[Upload]) -> None:
    TURNS.leave(visitor_here())
    rest = [job.key(upload) for upload in waiting if job.key(upload) not in predictions().facts]
    _cancel(digest_of(repr(rest).encode()))


def problems_of(problems: dict[str, str]) -> list[str]:
    """Return what is to be said of the files that cannot be used, by their names."""
    if not problems:
        return []
    lines = [f"- **{plain(name)}**: {plain(error)}" for name, error in list(problems.items())[:MOST_PROBLEMS]]
    if len(problems) > MOST_PROBLEMS:
        lines.append(f"- … and {len(problems) - MOST_PROBLEMS} more.")
    heading = "1 file was left out" if len(problems) == 1 else f"{len(problems)} files were left out"
    return ["\n".join([f"{heading}:", "", *lines])]
