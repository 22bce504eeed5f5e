"""What may be lost at any time and made again: uploads and probability maps, on disk, bounded in size.

On disk rather than in memory: they outlive a refresh, a second tab and a restart, and cost the server next to nothing.
"""

from __future__ import annotations

import contextlib
import os
from hashlib import blake2b
from pathlib import Path
from typing import BinaryIO

import numpy as np

from unet.errors import ImageError
from unet.files import atomic_path
from unet.prediction.predictor import Prediction
from unet.settings import MB, Settings

CHUNK = MB
MAX_UPLOADS = 1000 * MB
MAX_PREDICTIONS = 1000 * MB


def keep_upload(file: BinaryIO, name: str, settings: Settings) -> Path:
    """Put an uploaded file on disk, named by its content; the same content again is kept once.

    Raises
    ------
    ImageError
        If it is larger than the settings allow.
    """
    folder = settings.cache / "uploads"
    folder.mkdir(parents=True, exist_ok=True)
    digest = blake2b(digest_size=16)
    file.seek(0)
    while chunk := file.read(CHUNK):
        digest.update(chunk)
    if file.tell() > settings.max_upload_mb * MB:
        raise ImageError(f"{name} is larger than {settings.max_upload_mb} MB, the most that is accepted here.")
    path = folder / f"{digest.hexdigest()}{Path(name).suffix.lower()[:6]}"
    if path.exists():
        path.touch()
        return path
    prune(folder, MAX_UPLOADS - file.tell())
    file.seek(0)
    with atomic_path(path) as temporary, temporary.open("wb") as target:
        while chunk := file.read(CHUNK):
            target.write(chunk)
    return path


class PredictionCache:
    """Predictions by model and image: each is made once.

    Parameters
    ----------
    settings : Settings
    model : str
        What tells the model from all others, such as ``unet.model.folder.model_stamp``.
    """

    def __init__(self, settings: Settings, model: str):
        self.folder = settings.cache / "predictions"
        self.model = model

    def path(self, image: str) -> Path:
        """Return where the probability map of an image, named by its content and page, is kept."""
        key = blake2b(f"{self.model}/{image}".encode(), digest_size=16).hexdigest()
        return self.folder / f"{key}.npy"

    def load(self, image: str) -> Prediction | None:
        """Return a prediction, its arrays mapped from disk, or None if it is not there."""
        path = self.path(image)
        try:
            probability = np.load(path, mmap_mode="r", allow_pickle=False)
            with contextlib.suppress(FileNotFoundError):
                return Prediction(probability, np.load(_classes(path), mmap_mode="r", allow_pickle=False))
            return Prediction(probability)
        except (OSError, ValueError):
            return None

    def save(self, image: str, prediction: Prediction) -> None:
        """Keep a prediction; the oldest go when there is no more room."""
        self.folder.mkdir(parents=True, exist_ok=True)
        prune(self.folder, MAX_PREDICTIONS - prediction.probability.nbytes)
        path = self.path(image)
        if prediction.classes is not None:
            _save(_classes(path), prediction.classes)
        _save(path, prediction.probability)


def prune(folder: Path, room: int) -> None:
    """Delete the oldest files of a folder until no more than ``room`` bytes are left."""
    files = []
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            stat = path.stat()
            files.append((stat.st_mtime_ns, stat.st_size, path))
    total = sum(size for _, size, _ in files)
    for _, size, path in sorted(files):
        if total <= room:
            return
        path.unlink(missing_ok=True)
        total -= size


def _classes(path: Path) -> Path:
    return path.with_name(f"{path.stem}-classes.npy")


def _save(path: Path, array: np.ndarray) -> None:
    with atomic_path(path) as temporary:
        np.save(temporary, array)
    os.utime(path)
