"""Choosing a dataset: uploading, drawing, naming or finding it again, with progress."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from studio.common.parameters import DATASET, MODEL, OTHER_MODEL
from studio.common.progress import progress_bar
from studio.common.scroll import begin_at_top
from studio.common.text import own_file_name, plain, told
from studio.common.visitor import sits_here, visitor
from unet.datasets.add import add_files, add_folder, add_sample, add_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.samples import DatasetReport
from unet.datasets.store import Dataset, delete_dataset, list_datasets
from unet.errors import DatasetError, UnetError
from unet.files import own_prefix, sweep
from unet.io.images import IMAGE_SUFFIXES
from unet.ownership import NotYours
from unet.settings import MB, Settings

# What else of an address outlives the choice: the models of the Evaluate page.
KEPT = (MODEL, OTHER_MODEL)
SOURCES = {
    "zip": ":material/folder_zip: Zip file",
    "folder": ":material/drive_folder_upload: Folder",
    "sample": ":material/science: Sample",
    "earlier": ":material/history: Earlier",
    "path": ":material/folder_open: Path",
}
CAME_AS = {
    "own": "corrected by hand",
    "upload": "uploaded",
    "folder": "a folder on this machine",
    "sample": "synthetic",
}
CHUNK = 4 * MB


# ---- the dataset that is chosen --------------------------------------------------------------------------------


def chosen_dataset(settings: Settings) -> Dataset | None:
    """Return the dataset that the address names, or None; one that is gone is said to be."""
    name = st.query_params.get(DATASET)
    if not name:
        return None
    dataset = find_dataset(name, settings)
    if dataset is None:
        st.warning(
            f"The dataset “{plain(name[:100])}” is no longer here; choose another one.", icon=":material/warning:"
        )
    return dataset


def find_dataset(name: str, settings: Settings) -> Dataset | None:
    """Return the dataset of that id, or None; it is held, so that it looks for its files once."""
    dataset = next((known for known in list_datasets(settings) if known.id == name), None)
    if dataset is None:
        return None
    groups = dataset.groups.read_bytes() if dataset.groups else b""
    return _held(dataset.id, dataset.fingerprint, str(dataset.root), groups, dataset)


@st.cache_resource(max_entries=8, show_spinner=False)
def _held(name: str, fingerprint: str, root: str, groups: bytes, _dataset: Dataset) -> Dataset:
    """Hold a dataset: it looks for its samples once, and that may mean ten thousands of files."""
    return _dataset


def choose(dataset_id: str | None) -> None:
    """Put a dataset into the address, or take it out."""
    kept = {name: st.query_params[name] for name in KEPT if name in st.query_params}
    st.query_params.from_dict(kept | ({DATASET: dataset_id} if dataset_id else {}))
    # An uploader with a new key releases the old one's files, which Streamlit holds in memory.
    st.session_state["upload_round"] = st.session_state.get("upload_round", 0) + 1
    begin_at_top()


def dataset_report(dataset: Dataset, settings: Settings) -> DatasetReport:
    """Return the report of a dataset; the first time, with a progress bar while its files are read.

    Raises
    ------
    DatasetError
        If the files are gone or have changed.
    """
    with progress_bar("Looking at images and masks", "images") as progress:
        return inspect_dataset(dataset, settings, progress=progress)


def came_as(dataset: Dataset) -> str:
    """Say where a dataset comes from."""
    return CAME_AS.get(dataset.source, dataset.source)


# ---- choosing it -----------------------------------------------------------------------------------------------


def choose_dataset(settings: Settings) -> None:
    """Draw the ways to a dataset; when there is one, it is put into the address and the page is drawn again."""
    hidden = set() if shown_datasets(settings) else {"earlier"}
    hidden |= set() if settings.local_folders and sits_here(settings) else {"path"}
    offered = [source for source in SOURCES if source not in hidden]
    source = st.segmented_control(
        "Where the dataset comes from",
        offered,
        default=offered[0],
        required=True,
        format_func=SOURCES.__getitem__,
        key="dataset_source",
        label_visibility="collapsed",
    )
    draw = {"zip": _zip, "folder": _folder, "sample": _sample, "earlier": _earlier, "path": _path}
    draw[source](settings)


def use_sample(settings: Settings, words: str) -> None:
    """Draw the one click that needs nothing to upload: the sample dataset is drawn and chosen."""
    if st.button(words, icon=":material/science:", type="primary", key="use_sample_now"):
        _add(lambda: _draw_sample(settings), settings)


def _zip(settings: Settings) -> None:
    upload = st.file_uploader(
        "A zip of images and masks, such as stage1_train.zip",
        type="zip",
        max_upload_size=settings.max_upload_mb,
        key=f"upload_zip_{st.session_state.get('upload_round', 0)}",
        help="The tutorial's layout (`<id>/images/` and `<id>/masks/`, one nucleus per mask) at any depth, or "
        "`images/` beside `masks/` or `labels/` with equal file names.",
    )
    if upload:
        _add(lambda: _store_zip(upload, settings), settings, upload.file_id)


def _folder(settings: Settings) -> None:
    uploads = st.file_uploader(
        "A folder of images and masks",
        type=[*(suffix[1:] for suffix in sorted(IMAGE_SUFFIXES)), "csv"],
        accept_multiple_files="directory",
        max_upload_size=settings.max_upload_mb,
        key=f"upload_folder_{st.session_state.get('upload_round', 0)}",
        help="The browser sends the files one by one: for thousands of them, a zip is much quicker.",
    )
    if uploads:
        _add(lambda: _store_files(uploads, settings), settings, "".join(upload.file_id for upload in uploads))


def _sample(settings: Settings) -> None:
    st.markdown("64 synthetic fluorescence images, drawn on the spot: uneven light, noise, touching nuclei.")
    if st.button("Use the sample dataset", icon=":material/science:", type="primary", key="use_sample"):
        _add(lambda: _draw_sample(settings), settings)


def _earlier(settings: Settings) -> None:
    known = {dataset.id: dataset for dataset in shown_datasets(settings)}
    name = st.selectbox(
        "A dataset that was added before",
        list(known),
        format_func=lambda key: f"{known[key].name} · {came_as(known[key])} · {known[key].created[:10]}",
    )
    with st.container(horizontal=True):
        st.button(
            "Use this dataset",
            icon=":material/check:",
            type="primary",
            key="use_earlier",
            on_click=choose,
            args=(name,),
        )
        if visitor(settings).may_change(known[name].folder):
            _delete_popover(known[name], settings)


def shown_datasets(settings: Settings) -> list[Dataset]:
    """Return the datasets that are the visitor's, or everybody's; what a link names can be opened all the same."""
    who = visitor(settings)
    shown = who.listed(list_datasets(settings))
    return [each for each in shown if each.source != "folder" or who.may_change(each.folder)]


def _delete_popover(dataset: Dataset, settings: Settings) -> None:
    with st.popover("Delete …", icon=":material/delete:", type="tertiary"):
        keeps = " The folder's own files stay." if dataset.source == "folder" else ""
        st.markdown(f"Delete **{plain(dataset.name)}** with all that was made from it?{keeps}")
        st.button(
            "Delete the dataset",
            icon=":material/delete:",
            key="delete_earlier",
            on_click=_delete,
            args=(dataset, settings),
        )


def _path(settings: Settings) -> None:
    with st.form("path", border=False):
        text = st.text_input(
            "A folder on this machine",
            placeholder="/data/stage1_train",
            help="It is read where it lies, and not copied. Offered since this browser runs on the same machine.",
        )
        sent = st.form_submit_button("Use this folder", icon=":material/folder_open:", type="primary")
    if sent and text.strip():
        _add(lambda: _register(Path(text.strip()), settings), settings)
    elif sent:
        st.info("Write the folder's path first.", icon=":material/info:")


def _add(add: Callable[[], Dataset], settings: Settings, token: str | None = None) -> None:
    """Add a dataset, as the visitor's, and go on with it, or say why it is refused.

    An upload stays in its widget, so its ``token`` keeps it from being tried anew at each rerun.
    """
    refused = st.session_state.get("refused", {}) if token else {}
    if token not in refused:
        try:
            known = {dataset.folder for dataset in list_datasets(settings)}
            dataset = add()
            if dataset.source != "sample":  # which is everybody's
                visitor(settings).claim_new(dataset.folder, known)
            choose(dataset.id)
            st.rerun()
        except (UnetError, OSError) as error:
            refused = {token: _reason(error)}
            st.session_state["refused"] = refused
    st.error(refused[token], icon=":material/error:")


def _reason(error: Exception) -> str:
    return told(error) if isinstance(error, UnetError) else f"The dataset could not be stored: {told(error)}"


def _delete(dataset: Dataset, settings: Settings) -> None:
    with suppress(OSError, NotYours):  # somebody else was quicker
        if visitor(settings).let_go(dataset.folder):
            delete_dataset(dataset)


# ---- storing it ------------------------------------------------------------------------------------------------


def _store_zip(upload: UploadedFile, settings: Settings) -> Dataset:
    """Copy an uploaded zip to the disk in chunks, unpack it, and remove the copy."""
    uploads = settings.uploads
    uploads.mkdir(parents=True, exist_ok=True)
    sweep(uploads)  # of a server that was killed
    with tempfile.TemporaryDirectory(prefix=own_prefix(), dir=uploads) as folder:
        archive = Path(folder) / own_file_name(upload.name, "upload.zip")
        upload.seek(0)
        with progress_bar("Storing the upload", "MB") as progress, archive.open("wb") as file:
            for chunk in iter(partial(upload.read, CHUNK), b""):
                file.write(chunk)
                progress(file.tell(), upload.size)
        with progress_bar("Unpacking", "files") as progress:
            return add_zip(archive, settings, name=Path(upload.name).stem, progress=progress)


def _store_files(uploads: list, settings: Settings) -> Dataset:
    for upload in uploads:
        upload.seek(0)
    tops = {PurePosixPath(upload.name).parts[0] for upload in uploads}
    with progress_bar("Storing", "files") as progress:
        files = ((upload.name, upload) for upload in uploads)
        return add_files(files, settings, name=tops.pop() if len(tops) == 1 else "folder", progress=progress)


def _draw_sample(settings: Settings) -> Dataset:
    with progress_bar("Drawing", "images") as progress:
        return add_sample(settings, progress)


def _register(path: Path, settings: Settings) -> Dataset:
    if not path.expanduser().is_absolute():
        raise DatasetError(f"“{path}” is not a whole path; write one that begins at the root, such as /data/images.")
    with progress_bar("Reading the folder", "files") as progress:
        return add_folder(path, settings, progress=progress)
