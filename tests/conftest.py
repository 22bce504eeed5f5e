"""Fixtures that every part of the tests may use."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from tests.factories import write_pairs, write_tutorial, zip_folder
from unet.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

# What takes long on a busy machine is no failure.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the browser's tests last: they are the slow ones, and Playwright keeps an event loop running."""
    items.sort(key=lambda item: "browser" in item.path.parts)


@pytest.fixture(autouse=True)
def _own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep whatever a test does without naming a folder away from the user's workspace."""
    monkeypatch.setenv("UNET_HOME", str(tmp_path / "workspace"))


@pytest.fixture(autouse=True)
def _own_main(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take back the main module that Streamlit's harness leaves: processes that are spawned later would run it."""
    monkeypatch.setitem(sys.modules, "__main__", sys.modules["__main__"])


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Default settings over a folder of the test's own, the same as ``UNET_HOME``."""
    return Settings(home=tmp_path / "workspace")


@pytest.fixture
def tutorial_folder(tmp_path: Path) -> Path:
    """Six samples of 48 x 64 pixels in the tutorial's layout."""
    return write_tutorial(tmp_path / "stage1_train")


@pytest.fixture
def tutorial_zip(tutorial_folder: Path, tmp_path: Path) -> Path:
    """The same six samples as a zip with a wrapping folder."""
    return zip_folder(tutorial_folder, tmp_path / "stage1_train.zip")


@pytest.fixture
def paired_folder(tmp_path: Path) -> Path:
    """Six samples of 48 x 64 pixels as ``images/`` beside ``masks/``, label maps of equal names."""
    return write_pairs(tmp_path / "pairs")


@pytest.fixture
def save():
    """Write an array as an image file, its folders included."""

    def write(path: Path, values, **options) -> Path:
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.asarray(values)).save(path, **options)
        return path

    return write
