import numpy as np
import pytest

from unet.config import TrainingConfig
from unet.training.inputs.augment import augment
from unet.training.inputs.photometric import photometric

random = np.random.default_rng(0)
IMAGES = random.integers(0, 256, (3, 16, 16, 3), np.uint8)


@pytest.mark.parametrize("strength", [0.1, 0.5, 1.0])
def test_values_stay_in_range_and_the_targets_as_they_are(strength):
    targets = random.integers(0, 256, (3, 16, 16, 3), np.uint8)
    config = TrainingConfig(photometric=strength)
    for seed in range(20):
        images, kept = augment(IMAGES, targets, config, np.random.default_rng(seed))
        assert images.dtype == np.float32
        assert np.isfinite(images).all()
        assert 0 <= images.min() <= images.max() <= 255
        np.testing.assert_array_equal(kept, targets)


def test_grey_images_stay_grey():
    grey = np.repeat(IMAGES[0, ..., :1], 3, axis=-1)
    for seed in range(20):
        changed = photometric(grey, 1.0, np.random.default_rng(seed))
        np.testing.assert_allclose(changed[..., 0], changed[..., 2], atol=1e-3)


def test_the_same_seed_makes_the_same_change():
    first, second = (photometric(IMAGES[0], 0.5, np.random.default_rng(4)) for _ in range(2))
    np.testing.assert_array_equal(first, second)
    assert not np.array_equal(first, photometric(IMAGES[0], 0.5, np.random.default_rng(5)))
