"""Weights that another Keras backend has trained open in TensorFlow, with the same outputs."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np

from unet.config import NUCLEI
from unet.models.folder import load_model
from unet.models.metadata import read_info
from unet.settings import PROJECT

CONFIG = NUCLEI.replace(input_size=(32, 32), filters=(4, 8, 12), dropout=(0.0,)).model

# Our own network, loss, metrics, optimizer and Model folder, on JAX: a few steps, so that the moving averages of the
# normalisation are no longer those of the start.
TRAIN = """
import sys

import keras
import numpy as np

from tests.unit.models.test_backends import CONFIG
from unet.config import NUCLEI
from unet.models.folder import ModelInfo, save_model
from unet.models.losses import make_loss
from unet.models.metrics import make_metrics
from unet.models.network import build_unet
from unet.training.optimizer import make_optimizer

assert keras.backend.backend() == "jax"
keras.utils.set_random_seed(0)
random = np.random.default_rng(0)
images = random.integers(0, 256, (4, 32, 32, 3)).astype(np.uint8)
targets = random.random((4, 32, 32, 3)).astype(np.float32)
model = build_unet(CONFIG)
model.compile(make_optimizer(NUCLEI.training, 10), make_loss(NUCLEI.training.loss, CONFIG), metrics=make_metrics(1))
history = model.fit(images, targets, epochs=5, verbose=0)
assert np.isfinite(history.history["loss"]).all()
save_model(sys.argv[1], model, ModelInfo("from JAX", CONFIG))
np.savez(sys.argv[2], images=images, maps=model.predict(images, verbose=0))
"""


def test_weights_trained_with_jax_open_in_tensorflow(tmp_path: Path):
    import keras

    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "UNET_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", TRAIN, str(tmp_path / "model"), str(tmp_path / "maps.npz")]
    done = subprocess.run(command, cwd=PROJECT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    assert keras.backend.backend() == "tensorflow"
    model = load_model(tmp_path / "model")
    with np.load(tmp_path / "maps.npz") as saved:
        np.testing.assert_allclose(model.predict(saved["images"], verbose=0), saved["maps"], atol=1e-4)
        assert np.ptp(saved["maps"]) > 0.01
    # The folder says nothing of a backend: there is nothing to choose.
    assert "jax" not in (tmp_path / "model" / "model.json").read_text().replace("from JAX", "").lower()
    assert read_info(tmp_path / "model").config == CONFIG
