import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from unet.errors import RunError, TrainingBusy
from unet.training.create import create_and_train
from unet.training.process import failure_reason, train_run


def stop_in_epoch(run, epoch):
    """Return a watcher that asks for a stop once that epoch has begun."""

    def watch(state):
        if state.epoch == epoch:
            run.stop_request.touch()

    return watch


def test_a_run_folder_holds_all_that_is_promised(make_run, settings):
    run = make_run()
    state = train_run(run, settings)
    assert (state.status, state.epoch, state.epochs, state.progress) == ("finished", 3, 3, 1)
    metrics = run.metrics()
    assert [row["epoch"] for row in metrics.epochs] == [1, 2, 3]
    assert {"loss", "accuracy", "dice", "iou", "val_loss", "val_accuracy", "val_dice", "val_iou"} <= set(
        metrics.epochs[0]
    )
    assert metrics.steps
    best = min(metrics.epochs, key=lambda row: row["val_loss"])
    assert state.best_epoch == best["epoch"]
    assert state.best["val_dice"] == best["val_dice"]
    assert "Epoch 3/3" in run.log_tail()
    for preview in run.previews():
        assert sorted(preview.epochs) == [1, 2, 3]
        with Image.open(preview.image) as image, Image.open(preview.epochs[3]) as probability:
            assert image.size == probability.size == (32, 32)


def test_scores_are_those_of_the_whole_validation_side(make_run, settings, dataset):
    from unet.datasets.inspection import inspect_dataset
    from unet.models.folder import load_model
    from unet.models.losses import crossentropy
    from unet.models.metadata import read_info
    from unet.models.metrics import Dice
    from unet.training.inputs.resized import prepare

    run = make_run(batch_size=2)  # three validation images: more than one batch
    train_run(run, settings)
    info = read_info(run.model_folder)
    prepared = prepare(dataset, inspect_dataset(dataset, settings), info.config, settings)
    rows = [prepared.ids.index(sample) for sample in run.info().validation_ids]
    masks = prepared.masks[rows][..., None]
    probability = np.asarray(load_model(run.model_folder).predict_on_batch(prepared.images[rows]))
    dice = Dice()
    dice.update_state(masks, probability)
    assert float(dice.result()) == pytest.approx(info.scores["dice"], abs=1e-5)
    loss = np.mean(crossentropy(masks.astype(np.float32), probability))
    assert float(loss) == pytest.approx(info.scores["loss"], rel=1e-4)


def test_training_metrics_are_means_of_the_epoch(make_run, settings):
    # With next to no learning all batches meet the same network, so that the epoch's mean is that of its images.
    small, whole = (make_run(batch_size=size, learning_rate=1e-7, dropout=0.0, epochs=1) for size in (2, 9))
    for run in (small, whole):
        train_run(run, settings)
    means = [run.metrics().epochs[0] for run in (small, whole)]
    assert means[0]["loss"] == pytest.approx(means[1]["loss"], rel=1e-3)
    assert means[0]["dice"] == pytest.approx(means[1]["dice"], abs=1e-3)


def test_event_files_are_read_by_tensorboard(make_run, settings):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = make_run()
    train_run(run, settings)
    for side in ("train", "validation"):
        events = EventAccumulator(str(run.tensorboard / side), size_guidance={"tensors": 0})
        events.Reload()
        assert [event.step for event in events.Tensors("epoch_loss")] == [1, 2, 3]


def test_same_seed_and_data_same_split_and_same_first_epoch(make_run, settings):
    runs = [make_run(epochs=1, flips=True, brightness=0.2), make_run(epochs=1, flips=True, brightness=0.2)]
    other = make_run(epochs=1, seed=7)
    for run in (*runs, other):
        train_run(run, settings)
    assert runs[0].info().validation_ids == runs[1].info().validation_ids != other.info().validation_ids
    losses = [run.metrics().epochs[0]["loss"] for run in (*runs, other)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)
    assert losses[0] != pytest.approx(losses[2], rel=1e-3)


def test_a_stopped_run_goes_on_as_if_nothing_had_happened(make_run, settings):
    through, halted = make_run(), make_run()
    train_run(through, settings)
    state = train_run(halted, settings, stop_in_epoch(halted, 2))
    assert state.status == "stopped"
    assert halted.model_folder
    assert not halted.stop_request.exists()
    assert train_run(halted, settings).status == "finished"
    assert [row["epoch"] for row in halted.metrics().epochs] == [1, 2, 3]
    for name in ("loss", "val_loss", "val_dice"):
        values = [[row[name] for row in run.metrics().epochs] for run in (through, halted)]
        np.testing.assert_allclose(*values, rtol=1e-4)


def test_a_stop_in_the_first_epoch_starts_over(make_run, settings):
    run = make_run()
    assert train_run(run, settings, stop_in_epoch(run, 1)).status == "stopped"
    assert run.model_folder is None
    assert train_run(run, settings).status == "finished"


def test_early_stopping_waits_as_long_as_its_patience(make_run, settings):
    run = make_run(epochs=60, patience=2, learning_rate=0.3)
    state = train_run(run, settings)
    assert state.status == "finished"
    assert len(run.metrics().epochs) == state.best_epoch + 2 < 60
    assert "early" in state.reason


def test_several_classes_are_trained_with_softmax(make_run, settings):
    from unet.models.folder import load_model

    run = make_run(classes=2, loss="crossentropy+dice", epochs=1)
    assert train_run(run, settings).status == "finished"
    assert load_model(run.model_folder).output_shape == (None, 32, 32, 2)


def test_one_training_at_a_time(make_run, settings):
    run = make_run()
    with FileLock(settings.runs / ".training.lock"), pytest.raises(TrainingBusy):
        train_run(run, settings)
    assert run.state().resumable


def test_a_changed_dataset_is_not_trained_on_silently(make_run, settings, tmp_path):
    run = make_run()
    for image in sorted((tmp_path / "nuclei").glob("*/images/*.png"))[:3]:
        Image.new("L", (32, 32), 9).save(image)
    with pytest.raises(RunError):
        train_run(run, settings)
    state = run.state()
    assert state.status == "failed"
    assert "nuclei" in state.reason


def test_a_full_disk_is_said_in_plain_words(settings):
    assert "disk is full" in failure_reason(OSError(28, "No space left on device"), settings)


def test_from_python_in_one_line(settings, tmp_path, dataset):
    run = create_and_train(dataset.root, settings=settings, epochs=1, input_size=(32, 32), filters=(4, 8), dropout=0.1)
    assert run.state().status == "finished"
