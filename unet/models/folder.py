"""The Model folder: ``model.json`` and ``model.weights.h5``, no code and no pickles.

The shipped model, a run's best one and one that a user uploads are the same thing, and none of them is trusted.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import itertools
import os
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unet.errors import ModelError
from unet.files import atomic_folder, slug_of, write_json
from unet.models.metadata import INFO_FILE, ModelInfo, read_info, title_of
from unet.models.untrusted import MAX_NAME
from unet.models.weights import WEIGHTS_FILE, max_weights_bytes, read_weights
from unet.room import require_room
from unet.settings import SHIPPED_MODELS, Settings

if TYPE_CHECKING:
    import keras


def save_model(folder: Path, model: keras.Model, info: ModelInfo) -> None:
    """Write a Model folder whole, in the place of what was there; a reader never meets half of one.

    Raises
    ------
    ModelError
        If ``info`` holds what ``read_info`` would refuse.
    OSError
        If the disk is full; the old folder then stays.
    """
    import keras

    try:
        data = ModelInfo.from_dict(info.to_dict()).to_dict()
    except ValueError as error:
        raise ModelError(f"The model “{info.name}” cannot be saved: {error}.") from error
    with atomic_folder(Path(folder)) as temporary:
        _make_sure_of_room(temporary, max_weights_bytes(info.config))
        weights = temporary / WEIGHTS_FILE
        # The same layers in a model that is not compiled: a compiled one's optimizer would be saved with it.
        keras.Model(model.inputs, model.outputs).save_weights(weights)
        with weights.open("rb+") as file:
            os.fsync(file.fileno())
        write_json(temporary / INFO_FILE, data)


def update_info(folder: Path, **changes: Any) -> ModelInfo:
    """Change what a Model folder says of itself, such as ``threshold=0.6``; its weights stay as they are.

    Raises
    ------
    ModelError
        If the folder cannot be read or written, or a value cannot be.
    """
    info = dataclasses.replace(read_info(folder), **changes)
    try:
        write_json(Path(folder) / INFO_FILE, ModelInfo.from_dict(info.to_dict()).to_dict())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ModelError(f"{INFO_FILE} of the model “{title_of(folder)}” cannot be changed: {reason}.") from error
    return info


def store_threshold(folder: Path, threshold: float) -> None:
    """Make a threshold the model's own.

    Raises
    ------
    ModelError
        If the model is one of those that the program ships, or its folder cannot be written.
    """
    if Path(folder).resolve().is_relative_to(SHIPPED_MODELS):
        raise ModelError(f"{Path(folder).name} belongs to the program and keeps its threshold; copy it to change it.")
    update_info(folder, threshold=threshold)


def copy_with_threshold(folder: Path, settings: Settings, threshold: float) -> Path:
    """Copy a Model folder to where models of one's own lie, with another threshold, and return the copy.

    Raises
    ------
    ModelError
        If the folder cannot be read, or the copy cannot be written.
    """
    info = read_info(folder)
    name = f"{info.name[: MAX_NAME - 8]} at {threshold:.2f}"
    slug = slug_of(name, "model", 80)
    names = (slug if number == 1 else f"{slug}-{number}" for number in itertools.count(1))
    for copy in map(settings.models.joinpath, names):
        if not copy.exists():
            break
        with contextlib.suppress(ModelError):
            if read_info(copy).threshold == threshold:
                return copy  # the same again; one that was changed since is left alone
    require_room(settings, ModelError)
    try:
        with atomic_folder(copy) as temporary:
            for each in (INFO_FILE, WEIGHTS_FILE):
                shutil.copyfile(Path(folder) / each, temporary / each)
            provenance = {**info.provenance, "copy_of": info.name}
            update_info(temporary, name=name, threshold=threshold, provenance=provenance)
    except OSError as error:
        raise ModelError(f"The model {info.name} cannot be copied: {error.strerror or error}.") from error
    return copy


def _make_sure_of_room(folder: Path, size: int) -> None:
    """Raise OSError if that many bytes don't fit: HDF5 itself crashes the whole process on a full disk."""
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(bytes(size))


def load_model(folder: Path) -> keras.Model:
    """Build the model that a folder describes and load its weights, once they are found to be good.

    Returns
    -------
    keras.Model
        As ``unet.models.network.build_unet`` makes it, not compiled.

    Raises
    ------
    ModelError
        If the folder is incomplete, damaged, or not to be trusted.
    """
    from unet.models.network import build_unet

    folder = Path(folder)
    info = read_info(folder)
    # Keras never opens the file itself, which may be a stranger's: what was checked is what is taken.
    weights = read_weights(folder / WEIGHTS_FILE, info.config)
    model = build_unet(info.config)
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    return model


def model_stamp(folder: Path) -> str:
    """Return a short text that changes when the folder's content does: a key for caches.

    Raises
    ------
    ModelError
        If a file is missing.
    """
    try:
        stats = [(Path(folder) / name).stat() for name in (INFO_FILE, WEIGHTS_FILE)]
    except OSError as error:
        raise ModelError(f"“{title_of(folder)}” is not a Model folder: {error.strerror}.") from error
    return "-".join(f"{stat.st_mtime_ns:x}.{stat.st_size:x}.{stat.st_ino:x}" for stat in stats)


def model_digest(folder: Path) -> str:
    """Return the SHA-256 of a Model folder's description and weights: equal for equal models, wherever they lie.

    Raises
    ------
    OSError
        If a file cannot be read.
    """
    digest = hashlib.sha256()
    for name in (INFO_FILE, WEIGHTS_FILE):
        digest.update((Path(folder) / name).read_bytes())
    return digest.hexdigest()
