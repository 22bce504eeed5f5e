"""Batches in a seeded order, made ready by a thread while the network is busy."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from unet.config import TrainingConfig
from unet.training.inputs.augment import augment
from unet.training.inputs.crops import AS_THEY_ARE, Box, cut, draw_crops, fixed_crops
from unet.training.inputs.full_size import NativeSamples

# Indices from here downwards are of samples for rehearsal.
REHEARSED = -1
AUGMENTATIONS = ("flips", "quarter_turns", "brightness", "photometric")


class Batches(ABC):
    """One side of the split, batch by batch.

    Order, crops and augmentation depend on the seed and the epoch's number alone, so that a resumed training sees what
    an uninterrupted one would have seen.

    Attributes
    ----------
    waited : float
        Seconds for which the network had to wait for a batch, since the epoch began.
    """

    def __init__(self, config: TrainingConfig, *, training: bool):
        self.config, self.training = config, training
        self.waited = 0.0

    @property
    @abstractmethod
    def samples(self) -> int:
        """Images or crops per epoch."""

    @abstractmethod
    def plan(self, epoch: int) -> Any:
        """Return what one epoch shows, in its order."""

    @abstractmethod
    def read(self, part: Any) -> tuple[np.ndarray, np.ndarray]:
        """Return images (batch, height, width, channels) uint8 and their targets (batch, height, width, maps)."""

    def __len__(self) -> int:
        return -(-self.samples // self.config.batch_size)

    def epoch(self, epoch: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Yield the batches of one epoch: images, and targets of shape (batch, height, width, maps)."""
        self.waited = 0.0
        plan, size = self.plan(epoch), self.config.batch_size
        parts = [plan[start : start + size] for start in range(0, len(plan), size)]
        with ThreadPoolExecutor(max_workers=1, thread_name_prefix="batches") as thread:
            ready = thread.submit(self._batch, parts[0], epoch, 0)
            for number, _ in enumerate(parts, start=1):
                started = time.monotonic()
                batch = ready.result()
                self.waited += time.monotonic() - started
                if number < len(parts):
                    ready = thread.submit(self._batch, parts[number], epoch, number)
                yield batch

    def _batch(self, part: Any, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        images, targets = self.read(part)
        if self.training and any(getattr(self.config, name) for name in AUGMENTATIONS):
            random = np.random.default_rng([self.config.seed, epoch, number])
            images, targets = augment(images, targets, self.config, random)
        return images, targets


class ImageBatches(Batches):
    """Whole images at the network's size.

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
    known : uint8 (samples, height, width), optional
        0 where nothing is known of the masks; it becomes a last channel of the targets.
    """

    def __init__(
        self,
        images: np.ndarray,
        masks: np.ndarray,
        indices: np.ndarray,
        config: TrainingConfig,
        *,
        training: bool,
        known: np.ndarray | None = None,
    ):
        super().__init__(config, training=training)
        self.images, self.masks, self.indices, self.known = images, masks, np.asarray(indices), known

    @property
    def samples(self) -> int:
        return len(self.indices)

    def plan(self, epoch: int) -> np.ndarray:
        if not self.training:
            return self.indices
        return np.random.default_rng([self.config.seed, epoch]).permutation(self.indices)

    def read(self, part: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        images, masks = np.asarray(self.images[part]), np.asarray(self.masks[part])
        known = [] if self.known is None else [self.known[part]]
        return images, np.stack([masks, *known], axis=-1)


class CropBatches(Batches):
    """Crops of images at their own size: drawn anew for each epoch to train on, always the same to validate on.

    Parameters
    ----------
    samples : NativeSamples
    indices : array of int
        Which samples belong to this side.
    size : (height, width)
        Of the crops.
    config : TrainingConfig
    training : bool
    scales : mapping
        From a sample to the scale at which it is learned; 1 if it is not there.
    rehearsal : NativeSamples, optional
        What a share of the crops (``config.rehearsal``) is taken from while training.
    """

    def __init__(
        self,
        samples: NativeSamples,
        indices: np.ndarray,
        size: tuple[int, int],
        config: TrainingConfig,
        *,
        training: bool,
        scales: Mapping[int, float] = AS_THEY_ARE,
        rehearsal: NativeSamples | None = None,
    ):
        super().__init__(config, training=training)
        self.source, self.indices, self.size = samples, np.asarray(indices), size
        self.scales, self.rehearsal = scales, rehearsal
        self.partly = any(samples.finished)
        self._fixed = [] if training else fixed_crops(samples, self.indices, size, scales)

    @property
    def samples(self) -> int:
        return (self.config.crops or len(self.indices)) if self.training else len(self._fixed)

    def plan(self, epoch: int) -> list:
        if not self.training:
            return self._fixed
        random = np.random.default_rng([self.config.seed, epoch])
        arguments = self.size, self.config, random
        if self.rehearsal is None:
            return draw_crops(self.source, self.indices, self.samples, *arguments, self.scales)
        known = round(self.config.rehearsal * self.samples)
        plan = draw_crops(self.source, self.indices, self.samples - known, *arguments, self.scales)
        others = draw_crops(self.rehearsal, np.arange(len(self.rehearsal.ids)), known, *arguments)
        plan += [(REHEARSED - index, box) for index, box in others]
        return [plan[place] for place in random.permutation(len(plan))]

    def read(self, part: list) -> tuple[np.ndarray, np.ndarray]:
        images, targets = zip(*(self._cut(index, box) for index, box in part), strict=True)
        images, targets = np.stack(images), np.stack(targets)
        # A mask alone is learned as whole numbers; with heads all three maps are shares.
        return images, (targets >= 128).astype(np.uint8) if targets.shape[-1] < 3 else targets

    def _cut(self, index: int, box: Box) -> tuple[np.ndarray, np.ndarray]:
        if index <= REHEARSED and self.rehearsal is not None:
            return cut(self.rehearsal, REHEARSED - index, box, self.size, partly=self.partly)
        return cut(self.source, index, box, self.size, partly=self.partly)

    def _batch(self, part: list, epoch: int, number: int) -> tuple[np.ndarray, np.ndarray]:
        images, targets = super()._batch(part, epoch, number)
        return images, targets if targets.shape[-1] < 3 else targets.astype(np.float32) / 255
