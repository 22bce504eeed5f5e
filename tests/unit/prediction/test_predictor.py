from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unet.errors import ModelError
from unet.prediction.predictor import MAX_BATCH, Prediction, Predictor

random = np.random.default_rng(0)


@pytest.mark.parametrize(
    "image",
    [
        random.integers(0, 256, (40, 50), np.uint8),
        random.integers(0, 256, (40, 50, 3), np.uint8),
        random.integers(0, 4096, (70, 31), np.uint16),
        random.random((33, 64, 2), np.float32),
        random.integers(0, 256, (20, 20, 5), np.uint8),
        np.full((9, 9), np.nan, np.float32),
        np.zeros((1, 1), np.uint8),
        np.zeros((300, 1, 3), np.uint8),
    ],
    ids=lambda image: f"{image.dtype}-{'x'.join(map(str, image.shape))}",
)
@pytest.mark.parametrize("channels", [1, 3])
def test_any_image_gets_a_map_of_its_own_size(make_predictor, image, channels):
    prediction = make_predictor(channels=channels).predict(image)
    assert prediction.probability.shape == image.shape[:2]
    assert prediction.probability.dtype == np.float32
    assert 0 <= prediction.probability.min() <= prediction.probability.max() <= 1
    assert prediction.classes is None


def test_an_image_of_the_networks_size_gets_the_networks_map(predictor):
    image = random.integers(0, 256, (32, 32), np.uint8)
    expected = predictor._model.predict_on_batch(image[None, ..., None])[0, ..., 0]
    np.testing.assert_allclose(predictor.predict(image).probability, expected, atol=1e-6)


def test_a_batch_gives_what_single_images_give(predictor):
    images = [random.integers(0, 256, (20 + index, 40), np.uint8) for index in range(2 * MAX_BATCH + 1)]
    for image, prediction in zip(images, predictor.predict_batch(images), strict=True):
        np.testing.assert_allclose(prediction.probability, predictor.predict(image).probability, atol=1e-5)
    assert predictor.predict_batch([]) == []


def test_threads_may_share_a_predictor(predictor):
    predictor.warm()
    images = [random.integers(0, 256, (32, 32), np.uint8) for _ in range(24)]
    expected = [predictor.predict(image).probability for image in images]
    with ThreadPoolExecutor(8) as threads:
        for found, one in zip(threads.map(predictor.predict, images), expected, strict=True):
            np.testing.assert_array_equal(found.probability, one)


def test_several_classes(make_predictor):
    predictor = make_predictor(classes=4)
    image = random.integers(0, 256, (32, 32), np.uint8)
    maps = predictor._model.predict_on_batch(image[None, ..., None])[0]
    prediction = predictor.predict(image)
    np.testing.assert_allclose(prediction.probability, 1 - maps[..., 0], atol=1e-6)
    np.testing.assert_array_equal(prediction.classes, maps[..., 1:].argmax(axis=-1) + 1)
    threshold = float(np.median(prediction.probability))
    found = prediction.class_map(threshold)
    np.testing.assert_array_equal(found > 0, prediction.probability > threshold)
    np.testing.assert_array_equal(found[found > 0], prediction.classes[found > 0])


def test_one_class_is_a_class_map_too():
    prediction = Prediction(np.array([[0.2, 0.8]], np.float32))
    assert prediction.class_map(0.5).tolist() == [[0, 1]]


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="Model folder"):
        Predictor.open(tmp_path)
