"""Keras' own converters, and TensorFlow running what they have written. Heavy, so imported when used."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

# From images (batch, height, width, channels) float32 to maps.
Run = Callable[[np.ndarray], np.ndarray]

# What Keras calls each format, and the file or folder that it becomes.
WRITTEN = {"savedmodel": ("tf_saved_model", "saved_model"), "litert": ("litert", "model.tflite")}


def convert(model: keras.Model, format: str, shape: Sequence[int | None], scratch: Path) -> Path:
    """Write a network that takes images of a shape (batch, height, width, channels; None: any) into a folder."""
    import keras

    name, file = WRITTEN[format]
    signature = [keras.InputSpec(shape=tuple(shape), dtype="float32", name="image")]
    model.export(str(scratch / file), format=name, verbose=False, input_signature=signature)
    return scratch / file


def run_savedmodel(path: Path) -> Run:
    """Open a SavedModel that ``convert`` has written."""
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda images: loaded.serve(tf.constant(images)).numpy()


def run_litert(path: Path) -> Run:
    """Open a LiteRT file that ``convert`` has written."""
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source, images)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run


RUNNERS = {"savedmodel": run_savedmodel, "litert": run_litert}
