import keras
import numpy as np
import pytest

from unet.config import TrainingConfig
from unet.training.optimizer import computing_in, make_optimizer


def test_the_default_is_the_tutorials():
    optimizer = make_optimizer(TrainingConfig(), steps=10)
    assert type(optimizer) is keras.optimizers.Adam
    assert float(optimizer.learning_rate) == pytest.approx(0.001)


def test_the_cosine_rises_to_its_peak_and_ends_at_nothing():
    schedule = make_optimizer(TrainingConfig(schedule="cosine", learning_rate=0.01), steps=200)._learning_rate
    rates = [float(schedule(step)) for step in range(201)]
    assert max(rates) == pytest.approx(0.01, rel=1e-3)
    assert int(np.argmax(rates)) == 10
    assert rates[0] == pytest.approx(0.01 / 25)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


def test_only_kernels_decay():
    layer = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3), keras.layers.BatchNormalization()])
    optimizer = make_optimizer(TrainingConfig(weight_decay=0.1), steps=10)
    optimizer.build(layer.trainable_variables)
    decayed = [variable.path for variable in layer.trainable_variables if optimizer._use_weight_decay(variable)]
    assert len(decayed) == 1
    assert decayed[0].endswith("kernel")


def test_precision_holds_for_the_layers_made_in_it_alone():
    before = keras.config.dtype_policy().name
    with computing_in("bfloat16"):
        inside = keras.layers.Dense(2)
    assert inside.compute_dtype == "bfloat16"
    assert inside.variable_dtype == "float32"
    assert keras.config.dtype_policy().name == before
    with computing_in("auto"):
        assert keras.layers.Dense(2).compute_dtype in ("float32", "bfloat16")
