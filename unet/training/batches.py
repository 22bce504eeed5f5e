"""Batches in a seeded order, made ready by a thread while the network is busy."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from unet.config import TrainingConfig
from unet.data.augment import augment


class Batches:
    """The samples of one side of the split, batch by batch.

    Parameters
    ----------
    images : uint8 (samples, height, width, channels)
        May be a memory map: only a batch at a time is read.
    masks : uint8 (samples, height, width)
    indices : array of int
        Which samples belong to this side.
    config : TrainingConfig
    training : bool
        Whether to shuffle and augment.
    """

    def __init__(
        self, images: np.ndarray, masks: np.ndarray, indices: np.ndarray, config: TrainingConfig, *, training: bool
    ):
        self.images, self.masks, self.indices = images, masks, np.asarray(indices)
        self.config, self.training = config, training

    def __len__(self) -> int:
        return -(-len(self.indices) // self.config.batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches of an epoch: images, and masks of shape (batch, height, width, 1).

        Order and augmentation depend on the seed and the epoch's number alone, so that a resumed training sees what
        an uninterrupted one would have seen.
        """
        order = self.indices
        if self.training:
            order = np.random.default_rng([self.config.seed, epoch]).permutation(order)
        parts = np.split(order, range(self.config.batch_size, len(order), self.config.batch_size))
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as thread:
            ready = thread.submit(self._batch, parts[0], epoch, 0)
            for number, _ in enumerate(parts, start=1):
                batch = ready.result()
                if number < len(parts):
                    ready = thread.submit(self._batch, parts[number], epoch, number)
                yield batch

    def _batch(self, part: np.ndarray, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        images, masks = np.asarray(self.images[part]), np.asarray(self.masks[part])
        if self.training and (self.config.flips or self.config.quarter_turns or self.config.brightness):
            images, masks = augment(
                images, masks, self.config, np.random.default_rng([self.config.seed, epoch, number])
            )
        return images, masks[..., None]
