import dataclasses

import numpy as np
import pytest
from PIL import Image

from unet.datasets.synthetic.nuclei import generate_nuclei
from unet.prediction.fitting import fitted_scale
from unet.prediction.predictor import Predictor
from unet.prediction.separation import find_objects
from unet.preprocess.adjust import ImageAdjustments
from unet.settings import DEFAULT_MODEL


@pytest.fixture(scope="module")
def nuclei():
    return Predictor.open(DEFAULT_MODEL)


def enlarged(image: np.ndarray, times: int) -> np.ndarray:
    picture = Image.fromarray(image)
    return np.asarray(picture.resize((picture.width * times, picture.height * times), Image.Resampling.BICUBIC))


def count(predictor: Predictor, prediction) -> int:
    return int(find_objects(prediction, predictor.info.threshold, predictor.info.separation).max())


@pytest.mark.parametrize("seed", [41, 46])
def test_large_nuclei_are_seen_at_a_smaller_scale(nuclei, seed):
    image, labels = generate_nuclei(seed, (160, 192))
    large = enlarged(image, 5)
    found = nuclei.predict(large)
    assert found.shape == large.shape
    assert found.seen.scale < 0.7
    true = 5 * np.sqrt(4 / np.pi * np.median(np.bincount(labels.ravel())[1:]))
    assert found.seen.diameter == pytest.approx(true, rel=0.3)
    assert f"{found.seen.diameter:.0f} px, predicted at {found.seen.scale:g}x" in found.seen.text
    usual, fitted = count(nuclei, nuclei.predict(image)), count(nuclei, found)
    assert abs(fitted - usual) <= max(1, 0.15 * usual)


@pytest.mark.parametrize("seed", [8, 41, 46])
def test_usual_and_crowded_small_nuclei_are_seen_as_they_are(nuclei, seed):
    image, _ = generate_nuclei(seed, (256, 320), 150)
    for each in (image, np.asarray(Image.fromarray(image).resize((160, 128)))):
        seen = nuclei.predict(each).seen
        assert (seen.scale, seen.text) == (1.0, "")


def test_who_sets_a_scale_or_wants_none_is_obeyed(nuclei):
    large = enlarged(generate_nuclei(46, (96, 128))[0], 5)
    assert nuclei.predict(large, preparation=ImageAdjustments(fit=False)).seen.scale == 1
    assert nuclei.predict(large, preparation=ImageAdjustments(scale=0.5)).seen.scale == 0.5


def test_a_model_that_says_no_sizes_is_left_alone(nuclei):
    info = dataclasses.replace(nuclei.info, provenance={"object_diameters": {"low": "a", "median": -1}})
    assert fitted_scale(200.0, info) == fitted_scale(None, nuclei.info) == 1
    assert 0.1 <= fitted_scale(2000.0, nuclei.info) < fitted_scale(80.0, nuclei.info) < 1
