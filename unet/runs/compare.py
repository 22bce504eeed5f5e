"""In what runs differ: the settings that are not the same in all of them."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from unet.flags import SECTIONS
from unet.runs.state import RunInfo


def differences(infos: Sequence[RunInfo]) -> dict[str, list[Any]]:
    """Return the settings in which runs differ: by the field's name, a value per run.

    Parameters
    ----------
    infos : sequence of RunInfo

    Returns
    -------
    dict
        ``dataset`` and the numbers of images are among them; in the order in which settings are listed elsewhere.
    """
    rows: dict[str, list[Any]] = {
        "dataset": [info.dataset["name"] for info in infos],
        "images": [len(info.train_ids) for info in infos],
        "validation_images": [len(info.validation_ids) for info in infos],
        "preset": [info.config.preset for info in infos],
    }
    for name, section in SECTIONS.items():
        for item in dataclasses.fields(section):
            rows[item.name] = [getattr(getattr(info.config, name), item.name) for info in infos]
    return {name: values for name, values in rows.items() if any(value != values[0] for value in values)}


def tensorboard_command(folders: Sequence[tuple[str, Path]]) -> str:
    """Return the command that opens TensorBoard with the events of several runs, each under its name."""
    # Commas and colons divide names and folders in that flag.
    named = ",".join(f"{name.translate(str.maketrans(',:', '  '))}:{folder}" for name, folder in folders)
    return shlex.join(["tensorboard", f"--logdir_spec={named}"])
