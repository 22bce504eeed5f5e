"""What may not be installed: TensorFlow, which trains and writes its own formats, and which nothing else needs."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec

TENSORFLOW = ("tensorflow", "keras")
# What is written in the events that TensorBoard shows needs no more than its own package.
TRAINING = (*TENSORFLOW, "tensorboard")


def lacks(packages: Sequence[str] = TRAINING) -> str:
    """Return a sentence that says how the packages that are not installed come here; empty if all are.

    Nothing is imported for it.
    """
    missing = [name for name in packages if find_spec(name) is None]
    if not missing:
        return ""
    return f"It needs {' and '.join(missing)}, not installed here; install with: pip install {' '.join(missing)}"
