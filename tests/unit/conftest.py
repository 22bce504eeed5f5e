"""Fixtures of runs and their datasets, for every part of the package."""

import pytest

from unet.config import preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.datasets.synthetic.nuclei import write_dataset
from unet.training.create import create_run

# Seconds, not minutes: a tiny network on tiny images.
TINY = {"input_size": (32, 32), "channels": 1, "filters": (4, 8), "dropout": 0.1, "batch_size": 4, "epochs": 3}


@pytest.fixture
def dataset(tmp_path, settings):
    write_dataset(tmp_path / "nuclei", count=12, size=(32, 32), seed=1)
    return add_folder(tmp_path / "nuclei", settings)


@pytest.fixture
def make_run(dataset, settings):
    """Make a run of a tiny network; keyword arguments change its configuration."""

    def make(name="tiny", **changes):
        config = preset("tutorial").replace(**(TINY | {"patience": 0, "validation_fraction": 0.25} | changes))
        return create_run(dataset, inspect_dataset(dataset, settings), config, settings, name)

    return make
