"""Write what JavaScript's tests read: ``python -m tests.js.golden`` renews it where the format is meant to change."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np

from studio.predict import viewer
from unet.corrections.operation import CorrectionError, Operation
from unet.corrections.operations import Nuclei, apply
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


def make_operations() -> dict:
    """Return corrections one after the other, and the label map after each that the browser draws by itself."""
    random = np.random.default_rng(1)
    shape = (40, 56)
    labels = np.zeros(shape, np.uint32)
    for number in range(1, 9):
        row, column = random.integers(0, 32, 2)
        labels[row : row + 9, column : column + 11] = number
    levels = random.integers(0, 2**16, shape).astype(np.uint16)
    levels = np.maximum(levels, np.roll(levels, 1, axis=0))
    nuclei, steps = Nuclei.of(labels), []
    start = {"labels": labels.ravel().tolist(), "next": nuclei.next, "levels": levels.ravel().tolist()}
    for _ in range(400):
        operation = _any_operation(random, nuclei, shape)
        try:
            nuclei = apply(nuclei, operation, Prediction(levels))
        except CorrectionError:
            continue
        changed = hashlib.sha256(nuclei.labels.astype("<u4").tobytes()).hexdigest()
        steps.append({"operation": operation.to_dict(), "labels": changed, "next": nuclei.next})
    return {"shape": list(shape), **start, "steps": steps}


def _any_operation(random: np.random.Generator, nuclei: Nuclei, shape: tuple[int, int]) -> Operation:
    kind = str(
        random.choice(["draw", "draw", "add", "delete", "brush", "erase", "merge", "split", "split", "fill", "smooth"])
    )
    there = np.unique(nuclei.labels)[1:].tolist() or [1]
    line = random.integers(1, 6)
    counts = {"draw": random.integers(3, 12), "add": 1, "brush": line, "erase": line, "split": line + 1}
    step = 12 if kind == "split" else 4
    points = random.uniform(-step, step, (counts.get(kind, 0), 2)).cumsum(0) + random.uniform(0, shape[::-1])
    one = {"delete": 1, "brush": 1, "fill": 1, "smooth": 1}
    many = {**one, "merge": 2, "erase": random.integers(0, 2)}.get(kind, 0)
    numbers = random.choice(there, min(int(many), len(there)), replace=False).tolist()
    data = {"kind": kind, "points": points.tolist(), "numbers": numbers, "radius": random.uniform(0.5, 6)}
    try:
        return Operation.from_dict({**data, "level": int(random.integers(2**16)), "take": bool(random.integers(2))})
    except CorrectionError:
        return Operation("delete", numbers=(there[0],))


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    content, expected = make_scene()
    (GOLDEN / "scene.bin").write_bytes(content)
    (GOLDEN / "scene.json").write_text(json.dumps(expected))
    (GOLDEN / "cuts.json").write_text(json.dumps(make_cuts()))
    (GOLDEN / "operations.json").write_text(json.dumps(make_operations()))
