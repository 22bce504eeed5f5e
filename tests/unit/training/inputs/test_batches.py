import numpy as np
import pytest

from unet.config import TrainingConfig
from unet.training.inputs.augment import augment
from unet.training.inputs.batches import ImageBatches


@pytest.fixture
def arrays():
    images = np.arange(10, dtype=np.uint8)[:, None, None, None] * np.ones((1, 4, 4, 3), np.uint8)
    masks = (images[..., 0] % 2).astype(np.uint8)
    return images, masks


def seen(batches, epoch):
    return [int(image[0, 0, 0]) for images, _ in batches.epoch(epoch) for image in images]


def test_an_epoch_shows_every_sample_of_its_side_once(arrays):
    batches = ImageBatches(*arrays, [1, 3, 5, 7, 9], TrainingConfig(batch_size=2), training=True)
    assert len(batches) == 3
    assert sorted(seen(batches, 1)) == [1, 3, 5, 7, 9]


def test_order_depends_on_seed_and_epoch_alone(arrays):
    def batches(seed):
        return ImageBatches(*arrays, range(10), TrainingConfig(batch_size=4, seed=seed), training=True)

    assert seen(batches(1), 3) == seen(batches(1), 3)
    assert len({tuple(seen(batches(seed), epoch)) for seed in (1, 2) for epoch in (1, 2)}) == 4


def test_validation_is_neither_shuffled_nor_augmented(arrays):
    config = TrainingConfig(batch_size=4, flips=True, brightness=0.5)
    assert seen(ImageBatches(*arrays, range(10), config, training=False), 5) == list(range(10))


def test_masks_have_a_channel_and_stay_with_their_images(arrays):
    for images, masks in ImageBatches(*arrays, range(10), TrainingConfig(batch_size=3), training=True).epoch(1):
        assert masks.shape == (len(images), 4, 4, 1)
        np.testing.assert_array_equal(images[:, 0, 0, 0] % 2, masks[:, 0, 0, 0])


def test_augmentation_moves_mask_and_image_alike():
    random = np.random.default_rng(0)
    masks = random.integers(0, 2, (40, 6, 6), dtype=np.uint8)
    images = np.repeat(masks[..., None] * 100, 3, axis=-1)
    config = TrainingConfig(flips=True, quarter_turns=True)
    new_images, new_masks = augment(images, masks, config, random)
    np.testing.assert_array_equal(new_images[..., 0], new_masks * 100)
    ways = {next(w for w in range(8) if np.array_equal(_way(a, w), b)) for a, b in zip(masks, new_masks, strict=True)}
    assert len(ways) >= 6


def _way(array, number):
    turned = np.rot90(array, number % 4)
    return turned[::-1] if number >= 4 else turned


def test_brightness_changes_images_within_bounds_and_leaves_masks(arrays):
    images = np.full((50, 2, 2, 1), 100, np.uint8)
    masks = np.ones((50, 2, 2), np.uint8)
    new_images, new_masks = augment(images, masks, TrainingConfig(brightness=0.2), np.random.default_rng(1))
    np.testing.assert_array_equal(masks, new_masks)
    assert 80 <= new_images.min() < 90 < 110 < new_images.max() <= 120
    assert (images == 100).all()
