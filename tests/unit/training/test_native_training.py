import shutil

import numpy as np
import pytest

from unet.config import Separation, preset
from unet.datasets.inspection import inspect_dataset
from unet.errors import ConfigError, ModelError
from unet.evaluation.tune import tune
from unet.models.folder import update_info
from unet.models.metadata import read_info
from unet.models.pretrained import read_pretrained
from unet.models.weights import WEIGHTS_FILE, read_weights
from unet.prediction.predictor import Predictor
from unet.training import loop
from unet.training.create import create_run
from unet.training.process import train_run

TINY = {
    "input_size": (32, 32),
    "filters": (4, 8),
    "dropout": (0.0,),
    "batch_size": 4,
    "epochs": 3,
    "crops": 8,
    "validation_fraction": 0.25,
    "precision": "float32",
}


@pytest.fixture
def make_nuclei_run(dataset, settings):
    def make(name="nuclei", **changes):
        config = preset("nuclei").replace(**(TINY | changes))
        return create_run(dataset, inspect_dataset(dataset, settings), config, settings, name)

    return make


def test_a_run_ends_with_a_tuned_model(make_nuclei_run, settings, monkeypatch):
    monkeypatch.setattr(loop, "FEWEST_TO_TUNE_ON", 3)
    run = make_nuclei_run()
    state = train_run(run, settings)
    assert (state.status, state.epoch) == ("finished", 3)
    epochs = run.metrics().epochs
    assert all(0 <= row["waiting"] <= 1 for row in epochs)
    assert epochs[-1]["learning_rate"] < 1e-6
    info = read_info(run.model_folder)
    assert info.separation.separate
    assert {"competition", "average_precision", "image_dice", "dice"} <= set(info.scores)
    assert len(run.previews()[0].epochs) == 3
    prediction = Predictor.open(run.model_folder).predict(np.zeros((37, 50), np.uint8))
    assert prediction.probability.shape == prediction.distance.shape == prediction.border.shape == (37, 50)


def test_a_dataset_that_is_deleted_meanwhile_does_not_cost_the_training(
    make_nuclei_run, settings, dataset, monkeypatch
):
    def delete(state):
        if state.epoch == 3 and state.batch:
            shutil.rmtree(dataset.root, ignore_errors=True)
            shutil.rmtree(dataset.folder, ignore_errors=True)

    monkeypatch.setattr(loop, "FEWEST_TO_TUNE_ON", 3)
    run = make_nuclei_run()
    state = train_run(run, settings, delete)
    assert (state.status, state.epoch) == ("finished", 3)
    assert "were not tuned" in state.reason
    assert read_info(run.model_folder).scores


def test_a_resumed_run_ends_as_one_that_was_never_stopped(make_nuclei_run, settings):
    def stop(state):
        if state.epoch == 2 and state.batch:
            stopped.stop_request.touch()

    whole, stopped = make_nuclei_run("whole"), make_nuclei_run("stopped")
    train_run(whole, settings)
    assert train_run(stopped, settings, stop).status == "stopped"
    assert train_run(stopped, settings).status == "finished"
    for one, other in zip(whole.metrics().epochs, stopped.metrics().epochs, strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], rel=1e-3)


def test_a_mask_alone_is_learned_from_crops_too(make_nuclei_run, settings):
    run = make_nuclei_run(outputs="mask", epochs=1)
    assert train_run(run, settings).status == "finished"
    assert Predictor.open(run.model_folder).predict(np.zeros((40, 40), np.uint8)).distance is None


def test_few_images_choose_neither_epoch_nor_threshold(make_nuclei_run, settings):
    run = make_nuclei_run(epochs=2)
    assert train_run(run, settings).best_epoch == 2
    info = read_info(run.model_folder)
    assert (info.threshold, info.separation) == (0.5, Separation(separate=True))
    update_info(run.model_folder, threshold=0.7)
    second = make_nuclei_run("second", start_from=f"run:{run.name}", epochs=1)
    train_run(second, settings)
    assert read_info(second.model_folder).threshold == 0.7


def test_tuning_takes_what_scores_best(make_nuclei_run, settings, dataset, monkeypatch):
    monkeypatch.setattr(loop, "FEWEST_TO_TUNE_ON", 3)
    run = make_nuclei_run(epochs=1)
    train_run(run, settings)
    report = inspect_dataset(dataset, settings)
    predictor = Predictor.open(run.model_folder)
    steps = []
    tuned = tune(predictor, dataset, report, settings, run.info().validation_ids, lambda *step: steps.append(step))
    assert steps[-1][0] == steps[-1][1] == len(steps)
    assert tuned.scores.competition == pytest.approx(read_info(run.model_folder).scores["competition"])
    assert tuned.scores.images == len(run.info().validation_ids)


def test_a_training_may_start_from_a_model(make_nuclei_run, settings):
    first = make_nuclei_run("first")
    train_run(first, settings)
    second = make_nuclei_run("second", start_from="run:first", epochs=1, learning_rate=1e-7)
    train_run(second, settings)
    assert "Starting from the model run:first" in second.log_tail()
    ends, begins = first.metrics().epochs[-1], second.metrics().epochs[0]
    assert begins["val_loss"] == pytest.approx(ends["val_loss"], rel=0.05)


def test_a_start_that_does_not_fit_is_refused_before_anything_is_made(make_nuclei_run, settings):
    with pytest.raises(ModelError, match="no model “run:gone”"):
        make_nuclei_run(start_from="run:gone")
    with pytest.raises(ConfigError, match=r"tutorial.*fit no other"):
        make_nuclei_run(start_from="tutorial")
    assert not list(settings.runs.glob("nuclei*"))


def test_a_training_with_a_pretrained_encoder_begins_with_what_it_knows(make_nuclei_run, settings):
    changes = {"encoder": "efficientnet-lite0", "filters": (4,) * 5, "epochs": 1, "learning_rate": 1e-7}
    run = make_nuclei_run(**changes)
    assert train_run(run, settings).status == "finished"
    learned = read_weights(run.model_folder / WEIGHTS_FILE, run.info().config.model)
    for layer, (kernel, *_) in read_pretrained().items():
        if not layer.endswith("_norm"):
            np.testing.assert_allclose(learned[layer][0], kernel, atol=1e-4, err_msg=layer)
