import numpy as np
import pytest

from unet.config import ModelConfig
from unet.models.network import build_unet, count_parameters, level_table

SMALL = {"input_size": (32, 48), "filters": (4, 6, 8), "dropout": 0.1}


def test_the_tutorial_network_has_1941105_parameters():
    model = build_unet()
    assert model.count_params() == count_parameters(ModelConfig()) == 1_941_105
    assert model.input_shape == (None, 128, 128, 3)
    assert model.output_shape == (None, 128, 128, 1)


@pytest.mark.parametrize("normalization", ["none", "batch", "group"])
@pytest.mark.parametrize(("channels", "classes"), [(1, 1), (3, 4)])
def test_parameters_are_counted_without_building(normalization, channels, classes):
    config = ModelConfig(**SMALL, normalization=normalization, channels=channels, classes=classes)
    assert build_unet(config).count_params() == count_parameters(config)


def test_the_level_table_walks_along_the_u():
    rows = level_table(ModelConfig())
    assert [row["height"] for row in rows] == [128, 64, 32, 16, 8, 16, 32, 64, 128, 128]
    assert [row["filters"] for row in rows] == [16, 32, 64, 128, 256, 128, 64, 32, 16, 1]


def test_scaling_is_part_of_the_model():
    model = build_unet(ModelConfig(**SMALL))
    assert model.get_layer("scale").scale == pytest.approx(1 / 255)
    image = np.random.default_rng(0).integers(0, 256, (2, 32, 48, 3), dtype=np.uint8)
    probability = np.asarray(model.predict_on_batch(image))
    assert probability.shape == (2, 32, 48, 1)
    assert probability.dtype == np.float32
    assert 0 < probability.min() <= probability.max() < 1


def test_several_classes_sum_to_one():
    model = build_unet(ModelConfig(**SMALL, classes=3))
    image = np.zeros((1, 32, 48, 3), np.uint8)
    np.testing.assert_allclose(np.asarray(model.predict_on_batch(image)).sum(axis=-1), 1, rtol=1e-5)


def test_weights_are_drawn_as_he_proposed():
    kernel = np.asarray(build_unet().get_layer("up1a").kernel)
    assert kernel.std() == pytest.approx(np.sqrt(2 / (9 * 32)), rel=0.05)


def test_the_level_table_of_a_pretrained_encoder_has_its_levels_too():
    config = ModelConfig(normalization="batch", encoder="efficientnet-lite0", dropout=0.1)
    rows = level_table(config)
    assert [row["height"] for row in rows] == [128, 64, 32, 16, 8, 8, 16, 32, 64, 128, 128]
    assert [row["filters"] for row in rows] == [16, 16, 24, 40, 112, 256, 128, 64, 32, 16, 1]
    assert [row["dropout"] for row in rows] == [0.1, 0, 0, 0, 0, *[0.1] * 5, 0]
    assert sum(row["parameters"] for row in rows) == count_parameters(config) == build_unet(config).count_params()
