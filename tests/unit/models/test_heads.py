import dataclasses

import numpy as np
import pytest

from unet.config import ModelConfig, Separation, preset
from unet.errors import ConfigError, ModelError
from unet.models.folder import load_model, save_model, store_threshold, update_info
from unet.models.losses import make_loss
from unet.models.metadata import ModelInfo, read_info
from unet.models.metrics import make_metrics
from unet.models.network import build_unet, count_parameters
from unet.settings import DEFAULT_MODEL

TINY = dataclasses.replace(preset("nuclei").model, filters=(4, 8, 8), dropout=(0.0,), input_size=(32, 32))
random = np.random.default_rng(0)


def test_the_preset_is_the_network_that_it_says():
    config = preset("nuclei").model
    model = build_unet(config)
    assert model.output_shape == (None, None, None, 3)
    assert model.count_params() == count_parameters(config) < 2_500_000


def test_any_size_of_whole_steps_is_taken():
    model = build_unet(TINY)
    for height, width in ((4, 8), (16, 12)):
        maps = np.asarray(model(np.zeros((2, height, width, 3), np.uint8)))
        assert maps.shape == (2, height, width, 3)
        assert 0 <= maps.min() <= maps.max() <= 1


def test_heads_need_their_own_size_and_one_class():
    with pytest.raises(ConfigError, match="`classes` 1"):
        ModelConfig(outputs="mask+border+distance", resolution="native", classes=3)
    with pytest.raises(ConfigError, match="`resolution` `native`"):
        ModelConfig(outputs="mask+border+distance")


def truth_and_maps(seed=0):
    random = np.random.default_rng(seed)
    truth = (random.random((2, 8, 8, 3)) > 0.7).astype(np.float32)
    return truth, random.uniform(0.05, 0.95, (2, 8, 8, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["crossentropy", "dice", "crossentropy+dice"])
def test_each_head_is_learned(name):
    truth, maps = truth_and_maps()
    loss = make_loss(name, TINY)
    before = np.asarray(loss(truth, maps))
    assert before.shape == (2,)
    for head in range(3):
        better = maps.copy()
        better[..., head] = np.clip(truth[..., head], 0.05, 0.95)
        assert (np.asarray(loss(truth, better)) < before).all()


def test_a_mask_between_touching_nuclei_weighs_more():
    truth = np.zeros((2, 4, 4, 3), np.float32)
    truth[1, :, :, 1] = 1
    maps = truth.copy().clip(0.01, 0.99)
    wrong = maps.copy()
    wrong[..., 0] = 0.9
    loss = make_loss("crossentropy", TINY)
    cost = np.asarray(loss(truth, wrong)) - np.asarray(loss(truth, maps))
    assert cost[1] == pytest.approx(3 * cost[0], rel=1e-4)


def test_metrics_look_at_the_mask_alone():
    truth, maps = truth_and_maps()
    for with_heads, alone in zip(make_metrics(1), make_metrics(1), strict=True):
        with_heads.update_state(truth, maps)
        alone.update_state(truth[..., :1], maps[..., :1])
        assert float(with_heads.result()) == float(alone.result())


def test_a_folder_keeps_heads_separation_and_weights(tmp_path):
    model = build_unet(TINY)
    info = ModelInfo("heads", TINY, 0.6, separation=Separation(separate=True, min_valley_depth=0.2, min_area=9))
    save_model(tmp_path / "model", model, info)
    assert read_info(tmp_path / "model") == info
    image = random.integers(0, 256, (1, 32, 32, 3), np.uint8)
    again = load_model(tmp_path / "model")
    np.testing.assert_allclose(again.predict_on_batch(image), model.predict_on_batch(image), atol=1e-6)
    update_info(tmp_path / "model", threshold=0.4)
    store_threshold(tmp_path / "model", 0.45)
    assert read_info(tmp_path / "model") == dataclasses.replace(info, threshold=0.45)
    with pytest.raises(ModelError, match="threshold"):
        store_threshold(tmp_path / "model", 1.5)


def test_a_shipped_model_keeps_its_threshold():
    with pytest.raises(ModelError, match="belongs to the program"):
        store_threshold(DEFAULT_MODEL, 0.1)
