"""Steps are asked for by anybody, and made by one process at a time."""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from studio.inside import steps
from studio.inside.steps import shown, step_of
from studio.inside.subject import Subject
from studio.predict.image_picker import sample_images
from unet.config import ModelConfig
from unet.errors import RunError
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.models.network import build_unet
from unet.models.registry import find_model

SMALL = ModelConfig(input_size=(16, 16), channels=1, filters=(3, 4), dropout=(0.0,))


@pytest.fixture
def subject(settings) -> Subject:
    save_model(settings.models / "small", build_unet(SMALL), ModelInfo("small", SMALL))
    return Subject.of(find_model("uploaded:small", settings), sample_images()[0], (0, 0, 64), settings)


def test_a_step_is_made_while_the_page_goes_on(subject):
    assert step_of(subject, 1) is None  # not before it is made
    end = time.monotonic() + 120
    while (found := step_of(subject, 1)) is None:
        assert time.monotonic() < end
        time.sleep(0.2)
    about, arrays = shown(found)
    assert about["step"] == 1 and arrays["pixels"].dtype == np.uint8 and arrays["images"].shape[0] == 4
    assert step_of(subject, 1) is not None  # from now on it is there for everybody


def test_what_goes_wrong_in_the_process_is_said_and_can_be_tried_again(subject):
    (subject.entry.folder / "model.weights.h5").unlink()
    for _ in range(2):
        with pytest.raises(RunError, match="weights"):
            end = time.monotonic() + 120
            while step_of(subject, 1) is None:
                assert time.monotonic() < end
                time.sleep(0.2)


@pytest.mark.parametrize("number", [-1, 0, 21, 10**30])
def test_there_are_few_steps(subject, number):
    with pytest.raises(RunError, match="at most 20"):
        step_of(subject, number)


def test_where_nothing_may_be_trained_no_step_is_made(subject, monkeypatch):
    with pytest.raises(RunError, match="switched off"):
        step_of(replace(subject, settings=replace(subject.settings, training=False)), 1)
    monkeypatch.setattr(steps, "lacks", lambda packages: "It needs tensorflow, not installed here")
    with pytest.raises(RunError, match="tensorflow, not installed"):
        step_of(subject, 1)


def test_few_wait(subject, monkeypatch):
    monkeypatch.setattr(steps, "WAITING", 0)
    with pytest.raises(RunError, match="Others are waiting"):
        step_of(subject, 1)
