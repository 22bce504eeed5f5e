"""What writes a network for other programs, and what runs the files that were written. Heavy, so imported when used."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    import keras

# From images (batch, height, width, channels) float32 to maps.
Run = Callable[[np.ndarray], np.ndarray]

# ---- writing -----------------------------------------------------------------------------------------------------


def _signature(shape: Sequence[int | None]) -> list:
    import keras

    return [keras.InputSpec(shape=tuple(shape), dtype="float32", name="image")]


def _write_onnx(model: keras.Model, shape: Sequence[int | None], scratch: Path) -> Path:
    logging.getLogger("tf2onnx").setLevel(logging.ERROR)
    path = scratch / "model.onnx"
    model.export(str(path), format="onnx", verbose=False, input_signature=_signature(shape))
    return path


def _write_savedmodel(model: keras.Model, shape: Sequence[int | None], scratch: Path) -> Path:
    path = scratch / "saved_model"
    model.export(str(path), format="tf_saved_model", verbose=False, input_signature=_signature(shape))
    return path


def _write_litert(model: keras.Model, shape: Sequence[int | None], scratch: Path) -> Path:
    path = scratch / "model.tflite"
    model.export(str(path), format="litert", verbose=False, input_signature=_signature(shape))
    return path


# ---- running what was written ------------------------------------------------------------------------------------


def _run_onnx(path: Path) -> Run:
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda images: session.run(None, {name: images})[0]


def _run_savedmodel(path: Path) -> Run:
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))
    return lambda images: loaded.serve(tf.constant(images)).numpy()


def _run_litert(path: Path) -> Run:
    import tensorflow as tf

    interpreter = tf.lite.Interpreter(str(path))
    interpreter.allocate_tensors()
    source, result = interpreter.get_input_details()[0]["index"], interpreter.get_output_details()[0]["index"]

    def run(images: np.ndarray) -> np.ndarray:
        interpreter.set_tensor(source, images)
        interpreter.invoke()
        return interpreter.get_tensor(result)

    return run


WRITERS = {"onnx": _write_onnx, "savedmodel": _write_savedmodel, "litert": _write_litert}
RUNNERS = {"onnx": _run_onnx, "savedmodel": _run_savedmodel, "litert": _run_litert}
