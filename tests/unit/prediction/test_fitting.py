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
    assert f"{found.seen.diameter:.0f} px, predicted at {found.seen.scale:g}x and" in found.seen.text
    usual, fitted = count(nuclei, nuclei.predict(image)), count(nuclei, found)
    assert abs(fitted - usual) <= max(1, 0.15 * usual)


@pytest.mark.parametrize("seed", [8, 41, 46])
def test_usual_and_crowded_small_nuclei_are_seen_as_they_are(nuclei, seed):
    image, _ = generate_nuclei(seed, (256, 320), 150)
    for each in (image, np.asarray(Image.fromarray(image).resize((160, 128)))):
        assert nuclei.predict(each).seen.scale == 1.0


def test_small_nuclei_are_not_seen_smaller_still(nuclei):
    image, _ = generate_nuclei(8, (256, 320), 150)
    small = np.asarray(Image.fromarray(image).resize((160, 128)))
    seen = nuclei.predict(small).seen
    assert (seen.scale, seen.second, seen.text) == (1.0, None, "")


def test_maps_of_nuclei_that_are_not_small_are_the_mean_of_two_views(nuclei):
    image = enlarged(generate_nuclei(8, (128, 160))[0], 2)
    found = nuclei.predict(image)
    assert (found.seen.scale, found.seen.second) == (1.0, 0.5)
    assert found.seen.text.endswith(" px, predicted at 1x and 0.5x, mean of both")
    one, other = (nuclei.predict(image, preparation=ImageAdjustments(scale=s, fit=False)) for s in (1.0, 0.5))
    for name in ("probability", "border", "distance"):
        mean = (getattr(one, name) + getattr(other, name)) / 2
        np.testing.assert_allclose(getattr(found, name), mean, atol=1 / 255)
    assert not np.array_equal(found.levels, one.levels)


def test_who_sets_a_scale_or_wants_none_is_obeyed(nuclei):
    large = enlarged(generate_nuclei(46, (96, 128))[0], 5)
    for asked, scale in ((ImageAdjustments(fit=False), 1), (ImageAdjustments(scale=0.5), 0.5)):
        seen = nuclei.predict(large, preparation=asked).seen
        assert (seen.scale, seen.second) == (scale, None)


def test_a_model_that_says_no_sizes_is_left_alone(nuclei):
    info = dataclasses.replace(nuclei.info, provenance={"object_diameters": {"low": "a", "median": -1}})
    assert fitted_scale(200.0, info) == fitted_scale(None, nuclei.info) == 1
    assert 0.1 <= fitted_scale(2000.0, nuclei.info) < fitted_scale(80.0, nuclei.info) < 1
