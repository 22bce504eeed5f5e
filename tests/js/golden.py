"""Write what JavaScript's tests read: ``python -m tests.js.golden`` renews it where the format is meant to change."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from studio.predict import viewer
from unet.prediction.maps import Prediction, cut

GOLDEN = Path(__file__).with_name("golden")


def make_scene() -> tuple[bytes, dict]:
    """Return a scene as it travels, and what is to be read out of it."""
    random = np.random.default_rng(0)
    shape = (5, 7)
    picture = random.integers(0, 256, (*shape, 3), np.uint8)
    levels = random.integers(0, 2**16, shape).astype(np.uint16)
    levels[0, :2] = 0, 65535
    labels = random.integers(0, 2**32, shape).astype(np.uint32)
    labels[0, :4] = 0, 255, 65536, 2**32 - 1
    classes = random.integers(1, 4, shape).astype(np.uint8)
    content = viewer.pack({"key": "golden"}, picture, Prediction(levels, classes), labels)
    arrays = {"image": picture, "levels": levels, "classes": classes, "labels": labels}
    expected = {"key": "golden", "shown": list(shape), "channels": 3}
    return content, expected | {name: array.ravel().tolist() for name, array in arrays.items()}


def make_cuts() -> list[int]:
    """Return the highest level that does not lie above each threshold of two decimals."""
    return [cut(index / 100) for index in range(101)]


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    content, expected = make_scene()
    (GOLDEN / "scene.bin").write_bytes(content)
    (GOLDEN / "scene.json").write_text(json.dumps(expected))
    (GOLDEN / "cuts.json").write_text(json.dumps(make_cuts()))
