"""When a result was made, and the versions of what it depends on."""

from __future__ import annotations

import platform
import time
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from unet import __version__

PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "onnxruntime", "numpy", "scipy", "scikit-image", "pillow")


def timestamp() -> str:
    """Return the time in UTC, to the second, as ISO 8601 has it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the packages that its results depend on, where installed."""
    found = {"python": platform.python_version(), "unet": __version__}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
