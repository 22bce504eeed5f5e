"""How large nuclei are as a network sees them: the sizes that it learns, and by which a strange result is told."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np

from unet.config import ModelConfig
from unet.datasets.samples import SampleReport
from unet.models.metadata import ModelInfo


def diameter(area: float, height: int, width: int, config: ModelConfig) -> float:
    """Return the diameter, in pixels of the network's input, of a disc with some area in an image of some size."""
    shrunk = 1.0 if config.is_native else math.sqrt(math.prod(config.input_size) / (height * width))
    return math.sqrt(4 / math.pi * area) * shrunk


def learned_diameters(
    samples: Sequence[SampleReport], config: ModelConfig, scales: Mapping[str, float] = MappingProxyType({})
) -> dict[str, float]:
    """Return how large the nuclei of training images are: each image counts by its mean nucleus.

    Parameters
    ----------
    samples : sequence of SampleReport
    config : ModelConfig
    scales : mapping
        From a sample's id to the scale at which it is learned; 1 if it is not there.

    Returns
    -------
    dict
        ``low``, ``median`` and ``high``: 1st, 50th and 99th percentile over the images, in pixels of the network's
        input. Empty if no image has a nucleus.
    """
    found = [
        diameter(sample.foreground * sample.height * sample.width / sample.nuclei, sample.height, sample.width, config)
        * scales.get(sample.id, 1.0)
        for sample in samples
        if sample.nuclei
    ]
    if not found:
        return {}
    low, median, high = np.percentile(found, [1, 50, 99])
    return {"low": round(float(low), 2), "median": round(float(median), 2), "high": round(float(high), 2)}


def joined_diameters(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """Return the sizes that a model knows which has learned others before; the usual one stays."""
    if not now:
        return before
    return before | {"low": min(before["low"], now["low"]), "high": max(before["high"], now["high"])}


def sizes_of(info: ModelInfo) -> dict[str, float] | None:
    """Return the sizes that a model learned, as ``learned_diameters`` gives them.

    None where its folder, which a stranger may have written, does not say them or makes no sense.
    """
    learned = info.provenance.get("object_diameters")
    if not isinstance(learned, dict):
        return None
    values: list[Any] = [learned.get(name) for name in ("low", "median", "high")]
    sensible = all(isinstance(value, int | float) for value in values) and 0 < values[0] <= values[1] <= values[2] < 1e6
    return learned if sensible else None
