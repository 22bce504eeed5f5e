import numpy as np
import pytest

from unet.config import ModelConfig
from unet.models.losses import crossentropy, dice_loss, make_loss
from unet.models.metrics import Accuracy, Dice, IoU


def column(*values):
    """One image of one row, as (1, 1, pixels, 1)."""
    return np.array(values, np.float32).reshape(1, 1, -1, 1)


def test_dice_loss_by_hand():
    truth, probability = column(1, 1, 0, 0), column(1, 0, 1, 0)
    assert float(dice_loss(truth, probability)[0]) == pytest.approx(1 - (2 * 1 + 1) / (4 + 1))


def test_perfect_and_empty_lose_nothing():
    truth = column(1, 0, 0, 1)
    assert float(dice_loss(truth, truth)[0]) == pytest.approx(0)
    assert float(dice_loss(truth * 0, truth * 0)[0]) == pytest.approx(0)


def test_crossentropy_by_hand():
    loss = crossentropy(column(1, 0), column(0.5, 0.25))
    assert float(loss[0]) == pytest.approx(-(np.log(0.5) + np.log(0.75)) / 2, rel=1e-5)


def test_the_sum_is_the_sum():
    truth, probability = column(1, 1, 0, 0), column(0.9, 0.6, 0.2, 0.4)
    config = ModelConfig()
    parts = [make_loss(name, config)(truth, probability) for name in ("crossentropy", "dice")]
    both = make_loss("crossentropy+dice", config)(truth, probability)
    assert float(both[0]) == pytest.approx(float(parts[0][0]) + float(parts[1][0]))


def test_class_indices():
    mask = column(0, 1, 2, 2).astype(np.uint8)
    right = np.eye(3, dtype=np.float32)[mask[..., 0].astype(int)]
    for name in ("crossentropy", "dice"):
        loss = make_loss(name, ModelConfig(classes=3))
        assert float(loss(mask, right)[0]) == pytest.approx(0, abs=1e-5)
        assert float(loss(mask, right[..., ::-1])[0]) > 0.3


def test_metrics_by_hand_and_pooled_over_batches():
    dice, iou, accuracy = Dice(name="dice"), IoU(name="iou"), Accuracy()
    for truth, probability in (((1, 1, 0, 0), (0.9, 0.1, 0.9, 0.1)), ((1, 0, 0, 0), (0.6, 0.4, 0.4, 0.4))):
        for metric in (dice, iou, accuracy):
            metric.update_state(column(*truth), column(*probability))
    assert float(dice.result()) == pytest.approx(2 * 2 / (3 + 3))
    assert float(iou.result()) == pytest.approx(2 / 4)
    assert float(accuracy.result()) == pytest.approx(6 / 8)


def test_nothing_predicted_as_nothing_is_perfect():
    for metric in (Dice(), IoU()):
        metric.update_state(column(0, 0), column(0.1, 0.2))
        assert float(metric.result()) == 1


def test_metrics_of_classes_leave_the_background_out():
    mask = column(0, 0, 1, 2)
    probability = np.eye(3, dtype=np.float32)[[[[0, 1, 1, 0]]]]
    iou = IoU(classes=3)
    iou.update_state(mask, probability)
    assert float(iou.result()) == pytest.approx((1 / 2 + 0) / 2)
