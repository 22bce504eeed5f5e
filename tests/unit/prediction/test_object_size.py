"""How large nuclei are as a network sees them."""

from __future__ import annotations

import pytest

from unet.config import ModelConfig
from unet.datasets.samples import SampleReport
from unet.prediction.object_size import diameter, learned_diameters

NATIVE = ModelConfig(input_size=(32, 32), filters=(4, 8), dropout=(0.0,), resolution="native")
RESIZED = ModelConfig(input_size=(32, 64), filters=(4, 8), dropout=(0.0,))


def test_a_disc():
    assert diameter(78.54, 500, 300, NATIVE) == pytest.approx(10, abs=0.001)
    # 64 x 128 pixels become 32 x 64: all is half as wide.
    assert diameter(78.54, 64, 128, RESIZED) == pytest.approx(5, abs=0.001)


def test_each_image_counts_by_its_mean_nucleus():
    # 4 nuclei on 10 % of 100 x 100 pixels: 250 pixels each.
    samples = [SampleReport("a", 100, 100, nuclei=4, foreground=0.1), SampleReport("empty", 50, 50)]
    size = pytest.approx((4 / 3.14159265 * 250) ** 0.5, abs=0.01)
    assert learned_diameters(samples, NATIVE) == {"low": size, "median": size, "high": size}
    assert learned_diameters(samples[1:], NATIVE) == {}
