"""In what runs differ."""

from __future__ import annotations

import dataclasses
import shlex
from pathlib import Path

import pytest

from unet.config import preset
from unet.runs.compare import differences, tensorboard_command
from unet.runs.state import RunInfo


@pytest.fixture
def info():
    config = preset("tutorial")
    return RunInfo("one", "", config, {"id": "d", "name": "d", "fingerprint": "f"}, ("a", "b"), ("c",), {}, "")


def test_only_what_differs_is_told(info):
    other = dataclasses.replace(
        info, config=info.config.replace(learning_rate=0.5, filters=(4, 8), dropout=(0.1,) * 3), train_ids=("a",)
    )
    found = differences([info, other])
    assert found == {
        "images": [2, 1],
        "learning_rate": [info.config.training.learning_rate, 0.5],
        "filters": [info.config.model.filters, (4, 8)],
        "dropout": [info.config.model.dropout, (0.1, 0.1, 0.1)],
    }
    assert differences([info, info]) == {}


def test_tensorboard_gets_each_run_under_its_name():
    command = tensorboard_command([("one", Path("/a b/one")), ("two,2", Path("/two"))])
    assert shlex.split(command) == ["tensorboard", "--logdir_spec=one:/a b/one,two 2:/two"]
