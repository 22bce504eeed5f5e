"""What is said of results that look wrong."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.models.metadata import ModelInfo
from unet.prediction.advice import advise
from unet.prediction.maps import Prediction
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments
from unet.settings import DEFAULT_MODEL

NATIVE = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,), resolution="native")
SIZES = {"low": 8.0, "median": 12.0, "high": 20.0}


def info(sizes=SIZES, config: ModelConfig = NATIVE, dice: float = 0.9) -> ModelInfo:
    return ModelInfo("a model", config, scores={"dice": dice}, provenance={"object_diameters": sizes})


def grid(diameter: int, size: tuple[int, int] = (200, 200)) -> np.ndarray:
    """Nine squares as large as discs of that diameter."""
    side = round(diameter * np.sqrt(np.pi / 4))
    labels = np.zeros(size, np.uint16)
    for number in range(9):
        row, column = 5 + 65 * (number // 3), 5 + 65 * (number % 3)
        labels[row : row + side, column : column + side] = number + 1
    return labels


def ask(labels, *, image=None, probability=None, model=None, threshold=0.5, preparation=None):
    image = draw_discs(5, labels.shape, 0)[0] if image is None else image
    probability = (labels > 0).astype(np.float32) * 0.9 if probability is None else probability
    found = Prediction.of(probability)
    return advise(image, found, labels, model or info(), threshold, preparation or ImageAdjustments())


@pytest.mark.parametrize("diameter", [8, 12, 20])
def test_a_usual_result_needs_no_words(diameter):
    assert ask(grid(diameter)) is None


def test_a_constant_image():
    advice = ask(grid(12), image=np.full((200, 200), 7, np.uint16))
    assert "same value everywhere" in advice.message
    assert not advice.action


def test_a_model_that_has_learned_little():
    assert "learned little" in ask(grid(12), model=info(dice=0.2)).message


def test_nothing_above_the_threshold_but_something_below():
    probability = np.zeros((200, 200), np.float32)
    probability[50:70, 50:70] = 0.4
    advice = ask(np.zeros((200, 200), np.uint16), probability=probability)
    assert advice.threshold == pytest.approx(0.24)
    assert "0.24" in advice.action
    assert (probability > advice.threshold).any()


def test_nothing_at_all_may_be_inverted():
    empty = np.zeros((200, 200), np.uint16)
    advice = ask(empty)
    assert advice.preparation == ImageAdjustments(invert=True)
    again = ask(empty, preparation=advice.preparation)
    assert again.preparation is None  # no going round in circles


def test_an_empty_result_may_be_right_and_that_is_said_before_any_remedy():
    empty, image = np.zeros((200, 200), np.uint16), np.random.default_rng(0).integers(0, 255, (200, 200, 2), np.uint8)
    faint = np.full((200, 200), 0.3, np.float32)
    bright = 255 - draw_discs(5, (200, 200), 0)[0]
    asked = [
        ask(empty),
        ask(empty, preparation=ImageAdjustments(invert=True)),
        ask(empty, probability=faint),
        ask(empty, probability=faint, image=bright),
        ask(empty, image=image, preparation=ImageAdjustments(channels=(1,))),
    ]
    for advice in asked:
        before, said, _ = advice.message.partition("Perhaps there are no nuclei in this image.")
        assert said
        assert "contrast" not in before


def test_nothing_in_one_of_several_channels():
    image = np.random.default_rng(0).integers(0, 255, (200, 200, 4), np.uint8)
    advice = ask(np.zeros((200, 200), np.uint16), image=image, preparation=ImageAdjustments(channels=(3,)))
    assert advice.preparation == ImageAdjustments(channels=(0,))
    assert "channel 1" in advice.action


def test_a_bright_image_of_which_the_model_is_unsure():
    image = 255 - draw_discs(5, (200, 200), 0)[0]
    probability = np.zeros((200, 200), np.float32)
    probability[50:70, 50:70] = 0.45
    advice = ask(np.zeros((200, 200), np.uint16), image=image, probability=probability)
    assert "unsure" in advice.message
    assert advice.preparation.invert


def test_a_model_that_is_unsure_of_what_it_finds():
    labels = grid(12)
    advice = ask(labels, probability=(labels > 0).astype(np.float32) * 0.6)
    assert "unsure" in advice.message
    assert advice.preparation.invert


def test_objects_without_a_clear_middle_are_said_to_be_strange():
    labels = grid(12)
    for peak, words in ((0.9, None), (0.5, "does not look like those")):
        found = Prediction.of((labels > 0) * np.float32(0.95), None, np.zeros(labels.shape), (labels > 0) * peak)
        advice = advise(draw_discs(5, labels.shape, 0)[0], found, labels, info(), 0.5, ImageAdjustments())
        assert (advice is None) if words is None else words in advice.message


def test_a_large_image_is_judged_by_a_reduced_view():
    labels = np.repeat(np.repeat(grid(12), 12, axis=0), 12, axis=1)
    found = Prediction.of((labels > 0) * np.float32(0.95), None, np.zeros(labels.shape), (labels > 0) * 0.5)
    image = draw_discs(5, labels.shape, 0)[0]
    model = info(sizes=None)
    advice = advise(image, found.shrink(300), labels, model, 0.5, ImageAdjustments())
    assert "does not look like those" in advice.message


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "camera"])
def test_a_photograph_is_no_micrograph(name):
    skimage = pytest.importorskip("skimage.data")
    model = Predictor.open(DEFAULT_MODEL)
    image = getattr(skimage, name)()[::2, ::2]
    found = model.predict(image)
    labels = find_objects(found, model.info.threshold, model.info.separation)
    assert advise(image, found, labels, model.info, model.info.threshold, ImageAdjustments()) is not None


def test_everything_is_nucleus():
    advice = ask(np.ones((200, 200), np.uint16))
    assert "100%" in advice.message
    assert advice.preparation.invert


@pytest.mark.parametrize("diameter", [4, 40])
def test_objects_of_a_size_that_was_not_learned(diameter):
    labels = grid(diameter)
    advice = ask(labels)
    assert ("small" if diameter < 8 else "large") in advice.message
    # So scaled, the objects are as large as most that were learned from.
    found = np.sqrt(4 / np.pi * (labels == 1).sum())
    assert advice.preparation.scale * found == pytest.approx(12, rel=0.05)
    assert ask(labels, preparation=advice.preparation) is None


def test_a_model_that_resizes_compares_at_its_own_size():
    config = ModelConfig(input_size=(64, 64), filters=(4, 8), dropout=(0.0,))
    sizes = {name: value * 64 / 200 for name, value in SIZES.items()}
    assert ask(grid(12), model=info(sizes, config)) is None
    advice = ask(grid(40), model=info(sizes, config))
    assert "large" in advice.message
    assert advice.preparation is None  # scaling would change nothing


@pytest.mark.parametrize("sizes", [None, {}, [], "8", {"low": 1}, {**SIZES, "low": -1}, {**SIZES, "high": "x"}])
def test_a_model_that_says_nothing_sensible_of_sizes(sizes):
    assert ask(grid(40), model=info(sizes)) is None


def test_few_objects_say_nothing_of_sizes():
    labels = grid(40)
    assert ask(np.where(labels <= 4, labels, 0)) is None


def test_old_models_say_nothing_of_sizes():
    assert ask(grid(40), model=dataclasses.replace(info(), provenance={})) is None
