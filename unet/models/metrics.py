"""Metrics of the training: pooled over all pixels seen since the last reset, at probability 0.5."""

from __future__ import annotations

import keras
from keras import ops

from unet.models.losses import one_hot, split_known


def decide(probability, classes: int):
    """Return the decision as float32 (batch, height, width, classes): above 0.5, or the most probable class."""
    if classes == 1:
        return ops.cast(probability > 0.5, "float32")
    return ops.one_hot(ops.argmax(probability, axis=-1), classes, dtype="float32")


def _decided(mask, maps, classes: int):
    """Return truth and decision one-hot, of heads the mask alone, and where the truth is known."""
    mask, known = split_known(mask)
    if classes == 1:
        mask, maps = mask[..., :1], maps[..., :1]
    return one_hot(mask, classes), decide(maps, classes), known


class Accuracy(keras.metrics.Mean):
    """Share of pixels that are given their own class."""

    def __init__(self, classes: int = 1, name: str = "accuracy"):
        super().__init__(name=name, dtype="float32")
        self.classes = classes

    def update_state(self, mask, probability, sample_weight=None):
        truth, decision, known = _decided(mask, probability, self.classes)
        right = ops.cast(ops.all(ops.equal(truth, decision), axis=-1, keepdims=True), "float32")
        super().update_state(right, ops.broadcast_to(known, ops.shape(right)))


class Overlap(keras.metrics.Metric):
    """Counts what Dice and IoU are made of, for each foreground class."""

    def __init__(self, classes: int = 1, name: str | None = None):
        super().__init__(name=name, dtype="float32")
        self.classes = classes
        shape = (max(1, classes - 1),)
        self.shared = self.add_weight(shape=shape, initializer="zeros", name="shared")
        self.total = self.add_weight(shape=shape, initializer="zeros", name="total")

    def update_state(self, mask, probability, sample_weight=None):
        truth, decision, known = _decided(mask, probability, self.classes)
        truth, decision = truth * known, decision * known
        if self.classes > 1:
            truth, decision = truth[..., 1:], decision[..., 1:]
        self.shared.assign_add(ops.sum(truth * decision, axis=(0, 1, 2)))
        self.total.assign_add(ops.sum(truth, axis=(0, 1, 2)) + ops.sum(decision, axis=(0, 1, 2)))


class Dice(Overlap):
    """Dice coefficient, 2 |A∩B| / (|A| + |B|) (Dice, 1945), the mean over foreground classes; nothing at all is 1."""

    def result(self):
        return ops.mean(ops.where(self.total > 0, 2 * self.shared / ops.maximum(self.total, 1), 1.0))


class IoU(Overlap):
    """Intersection over union, |A∩B| / |A∪B| (Jaccard, 1912), the mean over foreground classes; nothing at all is 1."""

    def result(self):
        union = self.total - self.shared
        return ops.mean(ops.where(union > 0, self.shared / ops.maximum(union, 1), 1.0))


def make_metrics(classes: int) -> list[keras.metrics.Metric]:
    """Return the metrics that every training reports."""
    return [Accuracy(classes), Dice(classes, name="dice"), IoU(classes, name="iou")]
