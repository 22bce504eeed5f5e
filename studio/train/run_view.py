"""The live view of a run. All of it is read from the Run folder, so it is the same after a refresh or a restart."""

from __future__ import annotations

from contextlib import suppress

import streamlit as st

from studio.common import charts, config_form
from studio.common.dataset_picker import choose
from studio.common.parameters import MODEL
from studio.common.text import duration, plain, told
from studio.common.visitor import visitor
from studio.train.comparison import show_comparison
from studio.train.improvement import show_improvement
from studio.train.previews import show_previews
from studio.train.run_list import badge, show_busy
from unet.errors import RunError, TrainingBusy, UnetError
from unet.models.registry import run_key
from unet.runs.notes import LONGEST_NOTE, LONGEST_TITLE, read_notes, title_of, write_notes
from unet.runs.run import Run
from unet.runs.state import Metrics, Phase, RunInfo, RunState
from unet.settings import Settings
from unet.training.launch import request_stop, start

SECONDS = 1.0
# The phases before the first batch, in their order, and what they are called on the page.
PHASES: dict[str, str] = {
    Phase.STARTING: "Starting",
    Phase.PREPARING: "Preparing the data",
    Phase.LOADING: "Loading TensorFlow",
}


def show_run(run: Run, settings: Settings) -> None:
    """Draw a run; while its trainer is at work, draw it anew each second.

    Raises
    ------
    RunError
        If its folder cannot be read.
    """
    info = run.info()
    active = run.state().active
    st.fragment(_live, run_every=SECONDS if active else None)(run, info, settings, active)


def _live(run: Run, info: RunInfo, settings: Settings, was_active: bool) -> None:
    state, metrics = run.state(), run.metrics()
    if state.status == "deleted":
        st.title(run.name, anchor=False)
        st.info("This run was deleted, with its model and its curves.", icon=":material/delete:")
        return
    if state.active != was_active:
        st.rerun()  # of the whole page, once: polling begins or ends with it
    _header(run, info, state, settings)
    if state.active:
        _progress(state)
    else:
        _outcome(run, state, metrics)
    beside = st.container()
    if metrics.epochs or metrics.steps or state.active:
        _figures(state)
        _curves(run, metrics, info, state)
        show_previews(run)
    _details(run, info)
    if state.status == "finished":
        with beside:  # last, since it may take some seconds
            show_comparison(run, info, settings)
            show_improvement(run, info, settings)


# ---- above: what it is and where it stands ---------------------------------------------------------------------


def _header(run: Run, info: RunInfo, state: RunState, settings: Settings) -> None:
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            st.title(plain(title_of(run)), anchor=False, width="content")
            badge(state)
            if visitor(settings).may_change(run.folder):
                with st.popover(
                    "", icon=":material/edit:", type="tertiary", help="Name and note", key=f"notes-{run.name}"
                ):
                    _notes_form(run)
        with st.container(horizontal=True, vertical_alignment="center", width="content"):
            _buttons(run, info, state, settings)
    st.caption(
        f"{plain(info.dataset['name'])} · {len(info.train_ids):,} images to train on, {len(info.validation_ids):,} to "
        f"validate on · {plain(info.config.preset)} preset"
    )
    if note := read_notes(run).note:
        st.caption(f":material/sticky_note_2: {plain(note)}")
    problem = st.session_state.pop(f"problem-{run.name}", None)
    if isinstance(problem, TrainingBusy):
        st.session_state[f"busy-{run.name}"] = problem.run_name
    elif problem:
        st.error(told(problem), icon=":material/error:")
    busy = st.session_state.get(f"busy-{run.name}")
    if busy and busy != run.name and not state.active:
        show_busy(TrainingBusy(busy), run.name, settings)


def _notes_form(run: Run) -> None:
    notes = read_notes(run)
    with st.form(f"notes-form-{run.name}", border=False):
        title = st.text_input("Name", notes.title or run.name, max_chars=LONGEST_TITLE, key=f"title-{run.name}")
        note = st.text_area("Note", notes.note, max_chars=LONGEST_NOTE, key=f"note-{run.name}")
        if st.form_submit_button("Keep them", icon=":material/check:"):
            try:
                write_notes(run, title, note)
            except OSError as error:
                st.error(f"They could not be stored: {told(error.strerror or error)}.", icon=":material/error:")
            else:
                st.rerun()


def _buttons(run: Run, info: RunInfo, state: RunState, settings: Settings) -> None:
    mine = visitor(settings).may_change(run.folder)
    if state.active and not mine:
        st.caption("This training was started in another browser; you can watch it.")
    elif state.active:
        st.button(
            "Stop training",
            icon=":material/stop_circle:",
            key="stop",
            disabled=state.status == "stopping",
            help="Stops after the current batch. The best model so far is kept, and Resume continues from the last "
            "finished epoch.",
            on_click=_stop,
            args=(run, settings),
        )
    if state.active:
        return
    if run.model_folder:
        # Links, not buttons: a button's address would first be written behind this page's, where Back then leads.
        model = {MODEL: run_key(run.name)}
        st.page_link(
            "pages/predict.py", label="**Open in Predict**", icon=":material/image_search:", query_params=model
        )
        st.page_link("pages/evaluate.py", label="**Evaluate**", icon=":material/speed:", query_params=model)
        st.page_link("pages/inside.py", label="**Look inside**", icon=":material/layers:", query_params=model)
    if state.resumable and settings.training and mine:
        st.button(
            "Start" if state.phase == Phase.CREATED else "Resume",
            icon=":material/play_arrow:",
            key="resume",
            type="secondary" if run.model_folder else "primary",
            on_click=_resume,
            args=(run, settings),
        )
    if settings.training:
        st.button(
            "Train again",
            icon=":material/replay:",
            key="again",
            help="With the same dataset and these settings, which can be changed first.",
            on_click=_again,
            args=(info,),
        )


def _stop(run: Run, settings: Settings) -> None:
    if visitor(settings).may_change(run.folder):
        request_stop(run)


def _resume(run: Run, settings: Settings) -> None:
    st.session_state.pop(f"busy-{run.name}", None)
    try:
        visitor(settings).require(run.folder)
        start(run, settings)
    except (UnetError, OSError) as error:
        st.session_state[f"problem-{run.name}"] = error


def _again(info: RunInfo) -> None:
    config_form.remember(info.config)
    choose(info.dataset["id"])


def _progress(state: RunState) -> None:
    if state.status == "stopping":
        st.progress(state.progress, "Stopping after this batch …")
    elif state.phase == Phase.TUNING:
        st.progress(min(1.0, state.batch / max(1, state.batches)), "Choosing the best threshold and separation …")
    elif state.phase in PHASES and not state.batch:
        st.progress(0.0, f"{PHASES[state.phase]} … :gray[{_ahead(state.phase)}]")
    elif state.phase in PHASES:
        share = state.batch / max(1, state.batches)
        st.progress(min(1.0, share), f"{PHASES[state.phase]}: {state.batch:,} of {state.batches:,} images")
    else:
        st.progress(state.progress, " · ".join(_where(state)))


def _ahead(phase: str) -> str:
    """Name the phases that come after one."""
    names = [str(each) for each in PHASES]
    later = names[names.index(phase) + 1 :]
    return f"then {', '.join([*later, 'training'])}"


def _where(state: RunState) -> list[str]:
    parts = [f"**Epoch {max(1, state.epoch)} of {state.epochs}**"]
    parts.append("validating" if state.phase == Phase.VALIDATING else f"batch {state.batch} of {state.batches}")
    if state.images_per_second:
        parts.append(f"{state.images_per_second:.0f} images/s")
    if state.seconds_left is not None:
        parts.append(f"about {duration(state.seconds_left)} left")
    return parts


def _outcome(run: Run, state: RunState, metrics: Metrics) -> None:
    """Say how it ended, in a sentence or two."""
    reason = state.reason or ""
    if state.status == "finished":
        best = f" The model of epoch {state.best_epoch} was the best and is kept." if state.best_epoch else ""
        st.success(f"{told(reason)}{best}", icon=":material/check_circle:")
    elif state.status == "stopped":
        rest = f" {len(metrics.epochs)} of {state.epochs} epochs are done; Resume continues from there."
        st.info(f"{told(reason)}{rest if metrics.epochs else ''}", icon=":material/stop_circle:")
    else:
        kept = " The best model so far is kept." if run.model_folder else ""
        goes_on = " Resume continues from the last finished epoch." if run.checkpoint.exists() else ""
        st.error(f"{told(reason)}{kept}{goes_on}", icon=":material/error:")


# ---- below: how it went ----------------------------------------------------------------------------------------


def _figures(state: RunState) -> None:
    best = state.best or {}
    with st.grid(5, min_column_width=120):
        st.metric(
            "Best epoch",
            f"{state.best_epoch} of {state.epochs}" if state.best_epoch else "–",
            help="The epoch with the smallest validation loss; its model is kept.",
        )
        st.metric("Validation Dice", _figure(best, "val_dice"), help="Overlap with the true mask: 1 is perfect.")
        st.metric("Validation IoU", _figure(best, "val_iou"), help="Intersection over union: stricter than Dice.")
        st.metric(
            "Validation loss",
            _figure(best, "val_loss"),
            help="The loss on images that it is not trained on.",
        )
        st.metric("Training time", duration(state.seconds) if state.seconds else "–")


def _figure(best: dict[str, float], name: str) -> str:
    return f"{best[name]:.3f}" if name in best else "–"


def _curves(run: Run, metrics: Metrics, info: RunInfo, state: RunState) -> None:
    theme, epochs = st.context.theme.type, info.config.training.epochs
    with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
        st.header("Learning curves", anchor=False, width="content")
        chosen = st.segmented_control(
            "Metric beside the loss",
            ["dice", "iou", "accuracy"],
            default="dice",
            required=True,
            format_func=charts.METRICS.__getitem__,
            key="metric",
            label_visibility="collapsed",
        )
    with st.grid(2, min_column_width=280):
        for place, name in (("left", "loss"), ("right", chosen)):
            with st.container(gap=None):
                st.markdown(f"**{charts.METRICS[name]}**")
                st.plotly_chart(
                    charts.learning_curve(metrics, name, epochs, state.best_epoch, theme),
                    key=f"curve-{place}",
                    config=charts.CONFIG,
                    alt=charts.describe_curve(metrics, name, state.best_epoch),
                )


def _details(run: Run, info: RunInfo) -> None:
    log = st.expander("Log", icon=":material/article:", key=f"log-{run.name}", on_change="rerun")
    if log.open:
        log.code(run.log_tail() or "Nothing printed yet.", language=None, height=260)
    with st.expander("Settings and how to repeat it", icon=":material/tune:", key=f"details-{run.name}"):
        st.code(info.command, language="bash", wrap_lines=True)
        with suppress(RunError):
            st.json(info.config.to_dict(), expanded=1)
