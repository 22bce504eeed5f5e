"""What changes the weights, and the numbers that the network computes with while it learns."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from unet.config import TrainingConfig

if TYPE_CHECKING:
    import keras

# Share of the training over which the learning rate rises to its peak.
WARM_UP = 0.05
# Normalisations and biases are not decayed: they have no scale that could grow.
NOT_DECAYED = ("bias", "gamma", "beta")


def make_optimizer(config: TrainingConfig, steps: int) -> keras.optimizers.Optimizer:
    """Return Adam (Kingma and Ba, 2015), or AdamW (Loshchilov and Hutter, 2019) where weights decay.

    Parameters
    ----------
    config : TrainingConfig
        ``learning_rate``, ``schedule`` and ``weight_decay`` count.
    steps : int
        Batches in the whole training; the cosine (Loshchilov and Hutter, 2017) ends with them.
    """
    import keras

    rate = config.learning_rate
    if config.schedule == "cosine":
        warm = max(1, round(WARM_UP * steps))
        rate = keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=config.learning_rate / 25,
            decay_steps=max(1, steps - warm),
            warmup_target=config.learning_rate,
            warmup_steps=warm,
        )
    if not config.weight_decay:
        return keras.optimizers.Adam(rate)
    optimizer = keras.optimizers.AdamW(rate, weight_decay=config.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def keep_statistics(model: keras.Model) -> None:
    """Let batch normalisations work as when predicting: a few images' means and variances say little of all others'."""
    import keras

    for layer in model.layers:
        if isinstance(layer, keras.Model):
            keep_statistics(layer)
        elif isinstance(layer, keras.layers.BatchNormalization):
            layer.trainable = False


@contextlib.contextmanager
def computing_in(precision: str) -> Iterator[None]:
    """Let the layers that are made in this context compute in float32 or bfloat16 (``unet.config.PRECISIONS``)."""
    import keras

    if precision == "auto":
        precision = "bfloat16" if has_bfloat16() else "float32"
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16" if precision == "bfloat16" else "float32")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


def has_bfloat16() -> bool:
    """Tell whether the processor multiplies bfloat16 itself; elsewhere it is slower than float32."""
    try:
        flags = Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False
    return "avx512_bf16" in flags or "amx_bf16" in flags
