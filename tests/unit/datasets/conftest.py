from pathlib import Path

import hypothesis
import numpy as np
import pytest
from PIL import Image

from tests.factories import write_pairs

# What takes long on a busy machine is no failure.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")


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
