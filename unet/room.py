"""How much disk everything uploaded here may take together: visitors must not fill it."""

from __future__ import annotations

import os
from pathlib import Path

from unet.errors import UnetError
from unet.settings import MB, Settings


def require_room(settings: Settings, refuse: type[UnetError]) -> None:
    """Make sure that all datasets and uploaded models, including what is being added, stay within the bounds.

    Raises
    ------
    UnetError
        Of the class ``refuse``, if they are not.
    """
    if kept_bytes(settings) > settings.max_kept_mb * MB:
        raise refuse(
            f"All datasets and uploaded models here may take {settings.max_kept_mb:,} MB together (UNET_MAX_KEPT_MB), "
            "and with this one they would take more. Delete some that are no longer needed first."
        )


def kept_bytes(settings: Settings) -> int:
    """Return how many bytes the files of all datasets and uploaded models take, unfinished ones included."""
    return sum(_size(folder) for folder in [*settings.datasets.glob("*/files"), settings.models])


def _size(folder: Path) -> int:
    total, folders = 0, [os.fspath(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except OSError:  # it is being deleted
            continue
    return total
