"""Teach a U-Net to segment microscopy images, and use it.

>>> import unet
>>> run = unet.train("stage1_train.zip", epochs=2)  # doctest: +SKIP
>>> predictor = unet.Predictor.open(run.model_folder)  # doctest: +SKIP
>>> prediction = predictor.predict(unet.read_image("cells.png"))  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
import os
from typing import Any

from unet.settings import home_folder

__version__ = "0.1.0"

# Keras would otherwise keep its settings in the user's own home folder, and obey those that it finds there.
os.environ.setdefault("KERAS_HOME", str(home_folder() / "cache" / "keras"))

# Imported when first used, so that nothing heavy is loaded by `import unet`.
_PUBLIC = {
    "train": ("unet.training.create", "create_and_train"),
    "Predictor": ("unet.prediction.predictor", "Predictor"),
    "read_image": ("unet.io.images", "read_image"),
    "open_dataset": ("unet.datasets.add", "open_dataset"),
    "inspect_dataset": ("unet.datasets.inspection", "inspect_dataset"),
    "evaluate": ("unet.evaluation.evaluate", "evaluate"),
    "build_unet": ("unet.models.network", "build_unet"),
    "list_runs": ("unet.runs.run", "list_runs"),
    "read_settings": ("unet.settings", "read_settings"),
    "preset": ("unet.config", "preset"),
}
__all__ = sorted(_PUBLIC)


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module 'unet' has no attribute {name!r}")
    module, attribute = _PUBLIC[name]
    return getattr(importlib.import_module(module), attribute)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
