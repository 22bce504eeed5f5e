from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from unet import memmap
from unet.errors import ImageError, ModelError
from unet.prediction import predictor as module
from unet.prediction.maps import Prediction
from unet.prediction.predictor import MAX_BATCH, Predictor
from unet.preprocess.adjust import ImageAdjustments

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
    expected = predictor._network(image[None, ..., None])[0, ..., 0]
    np.testing.assert_allclose(predictor.predict(image).probability, expected, atol=1e-5)


def test_a_batch_gives_what_single_images_give(predictor):
    images = [random.integers(0, 256, (20 + index, 40), np.uint8) for index in range(2 * MAX_BATCH + 1)]
    for image, prediction in zip(images, predictor.predict_batch(images), strict=True):
        np.testing.assert_allclose(prediction.probability, predictor.predict(image).probability, atol=2e-5)
    assert predictor.predict_batch([]) == []


def test_threads_may_share_a_predictor(predictor):
    images = [random.integers(0, 256, (32, 32), np.uint8) for _ in range(24)]
    expected = [predictor.predict(image).probability for image in images]
    with ThreadPoolExecutor(8) as threads:
        for found, one in zip(threads.map(predictor.predict, images), expected, strict=True):
            np.testing.assert_array_equal(found.probability, one)


def test_several_classes(make_predictor):
    predictor = make_predictor(classes=4)
    image = random.integers(0, 256, (32, 32), np.uint8)
    maps = predictor._network(image[None, ..., None])[0]
    prediction = predictor.predict(image)
    np.testing.assert_allclose(prediction.probability, 1 - maps[..., 0], atol=1e-5)
    np.testing.assert_array_equal(prediction.classes, maps[..., 1:].argmax(axis=-1) + 1)
    threshold = round(float(np.median(prediction.probability)), 2)
    found = prediction.class_map(threshold)
    assert 0 < np.count_nonzero(found) < found.size
    np.testing.assert_array_equal(found > 0, prediction.probability > threshold)
    np.testing.assert_array_equal(found[found > 0], prediction.classes[found > 0])


def test_one_class_is_a_class_map_too():
    prediction = Prediction.of(np.array([[0.2, 0.8]], np.float32))
    assert prediction.class_map(0.5).tolist() == [[0, 1]]


def test_what_is_no_model_is_refused(tmp_path):
    with pytest.raises(ModelError, match="Model folder"):
        Predictor.open(tmp_path)


NATIVE = {"resolution": "native", "outputs": "mask+border+distance", "intensity": "percentiles", "filters": (2, 4, 8)}
MODELS = {"native": NATIVE, "resized": {}, "several classes": {"classes": 3}}


def assert_same(one, other, levels=1):
    for map_, expected in zip(one.maps(), other.maps(), strict=True):
        np.testing.assert_allclose(map_.astype(int), expected.astype(int), atol=levels)


@pytest.mark.parametrize("changes", MODELS.values(), ids=MODELS)
def test_a_large_image_is_predicted_into_files_with_the_same_result(make_predictor, changes, tmp_path, monkeypatch):
    predictor = make_predictor(**changes)
    image = random.integers(0, 4096, (150, 210), np.uint16)
    whole = predictor.predict(image)
    monkeypatch.setattr(memmap, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(memmap, "BLOCK_PIXELS", 4000)
    monkeypatch.setattr("unet.models.network.TILE", 96)
    large = memmap.new_map(image.shape, image.dtype, tmp_path)
    large[:] = image
    found = predictor.predict(large, folder=tmp_path)
    assert found.is_mapped
    assert not whole.is_mapped
    assert_same(found, whole)
    assert not list(tmp_path.iterdir())


def test_a_network_of_one_size_sees_a_smaller_view_of_a_large_image(predictor, tmp_path, monkeypatch):
    image = np.kron(random.integers(0, 255, (32, 32), np.uint8), np.ones((8, 8), np.uint8))
    whole = predictor.predict(image)
    monkeypatch.setattr(module, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(module, "RESIZED_FROM", 64)
    assert_same(predictor.predict(image), whole, levels=2000)


def test_progress_and_the_end_of_it(make_predictor, monkeypatch):
    monkeypatch.setattr("unet.models.network.TILE", 96)
    predictor, done = make_predictor(**NATIVE), []
    image = np.zeros((150, 210), np.uint8)
    predictor.predict(image, progress=lambda *at: done.append(at))
    assert len(done) > 1
    assert done == [(number + 1, len(done)) for number in range(len(done))]

    def stop(done, total):
        raise InterruptedError

    with pytest.raises(InterruptedError):
        predictor.predict(image, progress=stop)


@pytest.mark.parametrize("changes", [NATIVE, {}], ids=["native", "resized"])
def test_channels_and_contrast_are_prepared(make_predictor, changes):
    predictor = make_predictor(**changes)
    image = random.integers(0, 256, (40, 50, 4), np.uint8)
    chosen = predictor.predict(image, preparation=ImageAdjustments(channels=(3,)))
    assert_same(chosen, predictor.predict(image[..., 3]))
    batch = predictor.predict_batch([image, image], preparation=ImageAdjustments(channels=(3,)))
    assert_same(batch[1], chosen)
    with pytest.raises(ImageError, match="4 channels"):
        predictor.predict(image, preparation=ImageAdjustments(channels=(7,)))
    turned = predictor.predict(image[..., 0], preparation=ImageAdjustments(invert=True))
    with pytest.raises(AssertionError):
        assert_same(turned, predictor.predict(image[..., 0]))
    if not changes:  # stored values of 8 bits reach the network as they are
        assert_same(turned, predictor.predict(255 - image[..., 0]))


@pytest.mark.parametrize("scale", [0.5, 1.7])
def test_a_scaled_image_is_predicted_at_that_size_and_scaled_back(make_predictor, scale, tmp_path, monkeypatch):
    predictor = make_predictor(**NATIVE)
    image = random.integers(0, 4096, (90, 121), np.uint16)
    seen = []
    monkeypatch.setattr(predictor, "_run", lambda part, run=predictor._run: seen.append(part.shape) or run(part))
    found = predictor.predict(image, preparation=ImageAdjustments(scale=scale))
    assert found.shape == (90, 121)
    assert seen[0][1:3] == tuple(-(-round(side * scale) // 4) * 4 for side in image.shape)
    monkeypatch.setattr(memmap, "LARGE_PIXELS", 1000)
    monkeypatch.setattr(memmap, "BLOCK_PIXELS", 2000)
    monkeypatch.setattr("unet.preprocess.normalize.subsample", lambda image: image)
    in_files = predictor.predict(image, preparation=ImageAdjustments(scale=scale), folder=tmp_path)
    assert in_files.is_mapped
    assert_same(in_files, found, levels=2000)
    assert np.mean(np.abs(in_files.levels.astype(int) - found.levels)) < 60
