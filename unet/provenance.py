"""The versions of what a result depends on."""

from __future__ import annotations

import platform
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version

from unet import __version__

PACKAGES = ("keras", "tensorflow", "tensorflow-cpu", "onnxruntime", "numpy", "scipy", "scikit-image", "pillow")


def versions() -> dict[str, str]:
    """Return the versions of Python, this package and the packages that its results depend on, where installed."""
    found = {"python": platform.python_version(), "unet": __version__}
    for package in PACKAGES:
        with suppress(PackageNotFoundError):
            found[package] = version(package)
    return found
