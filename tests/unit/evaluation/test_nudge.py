"""The threshold that corrected nuclei ask for: those that nobody touched have no voice."""

from __future__ import annotations

import numpy as np
import pytest

from unet.datasets.inspection import inspect_dataset
from unet.datasets.own import add_image, create_own
from unet.evaluation.nudge import FEWEST, nudged_threshold
from unet.io.images import read_image
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.settings import ASSETS, DEFAULT_MODEL


@pytest.fixture(scope="module")
def model():
    return Predictor.open(DEFAULT_MODEL)


@pytest.fixture(scope="module")
def image():
    return read_image(ASSETS / "samples" / "crowded.png")


def corrected(model, image, threshold, most):
    """Return what the model found, with so many nuclei as another threshold has them."""
    prediction = model.predict(image)
    labels = find_objects(prediction, model.info.threshold, model.info.separation).astype(np.uint16)
    others = find_objects(prediction, threshold, model.info.separation)
    changed = 0
    for number in np.unique(labels)[1:]:
        under = np.bincount(others[labels == number]).argmax()
        if changed == most or not under:
            continue
        shape = (others == under) & ((labels == 0) | (labels == number))
        if np.array_equal(shape, labels == number):
            continue
        labels[labels == number] = 0
        labels[shape] = number
        changed += 1
    assert changed == most
    return labels


def nudged(settings, model, image, labels, finished=()):
    dataset = add_image(create_own("mine", settings), settings, "a.png", "0123456789", image, labels, finished)
    report = inspect_dataset(dataset, settings)
    ids = {sample.id for sample in report.usable}
    return nudged_threshold(model, model, dataset, report, settings, ids)


@pytest.mark.parametrize("wanted", [0.15, 0.6])
def test_corrected_nuclei_move_the_threshold_though_most_were_not_touched(settings, model, image, wanted):
    labels = corrected(model, image, wanted, FEWEST)
    assert len(np.unique(labels)) - 1 > 2 * FEWEST  # most of them as the model found them
    start, found = model.info.threshold, nudged(settings, model, image, labels)
    assert wanted <= found < start or start < found <= wanted


def test_few_corrected_nuclei_or_none_move_nothing(settings, model, image):
    for most in (0, FEWEST - 1):
        assert nudged(settings, model, image, corrected(model, image, 0.15, most)) == model.info.threshold
        settings.home.joinpath("datasets").rename(settings.home / f"datasets-{most}")


def test_what_is_not_finished_has_no_voice(settings, model, image):
    labels = corrected(model, image, 0.15, FEWEST)
    rows, columns = np.nonzero(labels)
    corner = (int(columns.min()), int(rows.min()), int(columns.min()) + 8, int(rows.min()) + 8)
    assert nudged(settings, model, image, labels, [corner]) == model.info.threshold
