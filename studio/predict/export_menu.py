"""Results to take along: one menu, whose files are made when they are asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import streamlit as st

from studio.predict.corrected import corrections_of
from studio.predict.pipeline import Decision, Job, objects_of, prediction_of, read_page, read_prepared
from studio.predict.positive import read_marker
from studio.predict.regions import regions_of
from studio.predict.shown_image import pixel_size_for, read_groups
from studio.predict.uploads import Upload
from unet.corrections.history import counts, sentence
from unet.exports.bundle import everything_zip, one_format, unique_stems
from unet.exports.command import command_of
from unet.exports.formats import FORMATS, Format
from unet.files import own_prefix
from unet.prediction.filters import Ranges
from unet.prediction.marker import stain_of
from unet.prediction.result import Decisions, Result

Page = tuple[str, Upload, int]
Pages = list[Page]


def show_export(job: Job, name: str, pages: Pages, decision: Decision, ranges: Ranges) -> None:
    """Draw the menu.

    Parameters
    ----------
    job : Job
    name : str
        Of the image that is looked at.
    pages : list of (name, upload, page)
        All images that could be read.
    decision : Decision
    ranges : Ranges
        What is kept of the nuclei; all formats honour it.
    """
    decisions = decisions_of(job, decision, ranges)
    here = next(each for each in pages if each[0] == name)
    with st.popover("Export", icon=":material/download:", width="stretch", key="export"):
        if ranges:
            st.caption("Only the nuclei in the chosen ranges are exported.")
        if corrections := corrections_in(job, here[1], here[2], decision):
            st.caption(f"The nuclei are exported as corrected: {corrections['summary']}.")
        st.markdown("**This image**")
        with st.container(horizontal=True, gap="small"):
            for key, form in FORMATS.items():
                if key == "classes" and job.entry.info.config.classes == 1:
                    continue
                st.download_button(
                    form.title,
                    partial(_file_of, form, job, here, decisions, decision),
                    form.name_for(Path(name).stem),
                    form.mime,
                    key=f"export_{key}",
                    help=form.help,
                    on_click="ignore",
                )
        if len(pages) > 1:
            st.markdown(f"**All {len(pages)} images**")
            _show_one_format(job, pages, decisions, decision)
        st.markdown("**Everything**")
        many = f"all {len(pages)} images" if len(pages) > 1 else "this image"
        st.download_button(
            f"All formats of {many} (zip)",
            zip_of_everything(job, pages, decisions, decision),
            "nuclei.zip",
            "application/zip",
            key="export_everything",
            help="With a manifest: model, threshold, settings, versions, and the command that makes it again.",
            icon=":material/folder_zip:",
            type="primary",
            on_click="ignore",
        )
        st.caption("The same on the command line:")
        command = command_of(decisions, list(FORMATS), [here[2]], pixel_size_for(here[1]))
        st.code(command, language="bash", wrap_lines=True)


def _file_of(form: Format, job: Job, page: Page, decisions: Decisions, decision: Decision) -> bytes:
    return form.of(result_of(job, page, decisions, decision))


def _show_one_format(job: Job, pages: Pages, decisions: Decisions, decision: Decision) -> None:
    """Draw the choice of one format, and the file of it for all images."""
    choice, button = st.columns([3, 2], vertical_alignment="bottom")
    with choice:
        usable = [key for key in FORMATS if key != "classes" or job.entry.info.config.classes > 1]
        key = st.selectbox("Format", usable, format_func=lambda each: FORMATS[each].title, key="format_of_all")
    form = FORMATS[key]
    with button:
        st.download_button(
            "Download",
            _made(job, pages, decisions, decision, lambda path, results: one_format(path, key, results)),
            form.suffix if form.part else f"{key}.zip",
            form.mime if form.part else "application/zip",
            key="export_one_format",
            help=form.help if form.part else f"{form.help} One file per image, in a zip.",
            icon=":material/download:",
            on_click="ignore",
        )


def decisions_of(job: Job, decision: Decision, ranges: Ranges) -> Decisions:
    """Return all that was decided, for files to say it."""
    info = job.entry.info
    made = decision.threshold, decision.separation, job.preparation
    return Decisions(info, *made, ranges, job.entry.key, read_groups(), read_marker())


def result_of(job: Job, page: Page, decisions: Decisions, decision: Decision, stem: str | None = None) -> Result:
    """Return one image with all that is known of it."""
    name, upload, number = page
    return Result(
        name,
        stem or Path(name).stem,
        read_prepared(job, upload, number),
        prediction_of(job, upload, number),
        decisions,
        number,
        pixel_size_for(upload),
        found=objects_of(job, upload, number, replace(decision, original=False)),
        corrections=corrections_in(job, upload, number, decision),
        stain=stain_of(read_page(job, upload, number), marker.channel) if (marker := decisions.marker) else None,
        regions=regions_of(job, upload, number),
    )


def corrections_in(job: Job, upload: Upload, page: int, decision: Decision) -> dict[str, str | int] | None:
    """Return what was corrected by hand in an image, for files to say it; None where nothing was."""
    operations = corrections_of(job.key(upload, page, decision), job.settings.home).operations
    return {"summary": sentence(operations), **counts(operations)} if operations else None


def zip_of_everything(job: Job, pages: Pages, decisions: Decisions, decision: Decision) -> Callable[[], bytes]:
    """Return a callable that makes the zip of all results, when somebody asks for it."""
    folder = job.entry.folder
    return _made(
        job,
        pages,
        decisions,
        decision,
        lambda path, results: everything_zip(path, results, decisions, model_folder=folder),
    )


def _made(
    job: Job,
    pages: Pages,
    decisions: Decisions,
    decision: Decision,
    write: Callable[[Path, Iterator[Result]], Path],
) -> Callable[[], bytes]:
    """Return a callable that writes the results of all images into a file and returns its bytes."""

    def make() -> bytes:
        stems = unique_stems([name for name, _, _ in pages])
        results = (result_of(job, page, decisions, decision, stem) for page, stem in zip(pages, stems, strict=True))
        job.settings.cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=own_prefix(), dir=job.settings.cache) as folder:
            return write(Path(folder) / "results", results).read_bytes()

    return make
