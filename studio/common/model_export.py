"""The dialog “Export the model”: the formats of ``unet.models.export``, each made when it is asked for."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import streamlit as st
from filelock import FileLock, Timeout

from studio.common.text import plain, told
from unet.errors import ModelError
from unet.files import read_json, write_json
from unet.models.export import FORMATS, export_model
from unet.models.needs import lacks
from unet.models.registry import ModelEntry
from unet.runs.pruning import mark_used
from unet.settings import PROJECT, Settings

SECONDS = 300  # an export takes some seconds, and a minute on a busy machine
KEPT = 12  # files of some ten MB


@st.dialog("Export the model")
def show_exports(entry: ModelEntry, digest: str, settings: Settings) -> None:
    """Open the formats over the page; ``digest`` identifies the model, which keeps two exports separate."""
    st.markdown(f"**{plain(entry.info.name)}**, for other programs. Each file is run and compared with this app first.")
    for name, chosen in FORMATS.items():
        st.markdown(f"**{chosen.title}**")
        st.caption(chosen.help)
        if lack := lacks(chosen.packages):
            st.caption(lack)
            continue
        target = export_path(digest, name, settings)
        if st.button("Make", key=f"make_{digest}_{name}", icon=":material/build:", disabled=_is_made(target)):
            _make(entry, name, target, settings)
        if _is_made(target):
            _offer(entry, name, target)


def export_path(digest: str, format: str, settings: Settings) -> Path:
    """Return where a model's exported file is kept."""
    return settings.cache / "exports" / f"{digest}-{format}{FORMATS[format].suffix}"


def make_export(folder: Path, format: str, target: Path, settings: Settings) -> None:
    """Export, in another process where TensorFlow is needed.

    A converter takes some hundred MB, and one that crashes would take the app along; one at a time on a machine, for
    the same reason.

    Raises
    ------
    ModelError
        If it fails, takes too long, or another one does.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if FORMATS[format].packages:
        _in_another_process(folder, format, target, settings)
    else:
        write_json(_figures(target), export_model(folder, format, target).to_dict())
    _forget_oldest(target.parent)


def _in_another_process(folder: Path, format: str, target: Path, settings: Settings) -> None:
    command = [sys.executable, "-m", "unet", "export", "--model", str(folder.resolve()), "--format", format]
    command += ["--output", str(target), "--json", str(_figures(target))]
    try:
        with FileLock(target.parent / "lock", timeout=SECONDS):
            done = subprocess.run(
                command,
                cwd=PROJECT,
                env={**os.environ, "UNET_HOME": str(settings.home)},
                capture_output=True,
                text=True,
                timeout=SECONDS,
            )
    except (subprocess.TimeoutExpired, Timeout):
        raise ModelError(f"The export took longer than {SECONDS // 60} minutes and was stopped; try again.") from None
    except OSError as error:
        raise ModelError(f"The export cannot be started: {error.strerror or error}.") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
        raise ModelError(
            said[-1].removeprefix("error: ") if said else "The export ended unexpectedly; perhaps memory ran out."
        )


def _make(entry: ModelEntry, format: str, target: Path, settings: Settings) -> None:
    try:
        with st.spinner("Exporting, and comparing with this app …"):
            make_export(entry.folder, format, target, settings)
    except (ModelError, OSError) as error:
        st.error(told(error), icon=":material/error:")


def _offer(entry: ModelEntry, format: str, target: Path) -> None:
    for path in (target, _figures(target)):
        mark_used(path)
    figures = read_json(_figures(target))
    st.caption(
        f"{figures['bytes'] / 1e6:.1f} MB · greatest difference from this app {figures['greatest_difference']:.2g} · "
        f"input {figures['input']}"
    )
    st.download_button(
        f"Download {target.suffix}",
        target.read_bytes,
        file_name=f"{entry.folder.name}-{format}{target.suffix}",
        key=f"download_{target.stem}",
        icon=":material/download:",
        on_click="ignore",
    )


def _figures(target: Path) -> Path:
    return target.with_suffix(".json")


def _is_made(target: Path) -> bool:
    return target.is_file() and _figures(target).is_file()


def _forget_oldest(folder: Path) -> None:
    figures = sorted(folder.glob("*.json"), key=lambda path: path.stat().st_mtime, reverse=True)
    for path in figures[KEPT:]:
        for file in folder.glob(f"{path.stem}.*"):
            file.unlink(missing_ok=True)
