"""Improving a model on few images, as `learn` does it."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np
import pytest

from tests.factories import draw_discs, write_pairs
from unet.cli.main import main
from unet.config import FINETUNE, ModelConfig, preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.datasets.own import add_image, create_own
from unet.evaluation.change import score_change
from unet.evaluation.nudge import nudged_threshold
from unet.models.folder import save_model, update_info
from unet.models.metadata import ModelInfo, read_info
from unet.models.network import build_unet
from unet.models.registry import find_model
from unet.prediction.predictor import Predictor
from unet.runs.run import list_runs, open_run
from unet.training.create import create_run
from unet.training.inputs.load import read_training_data
from unet.training.learn import (
    create_learning_run,
    has_learned_from,
    learning_config,
    rehearsal_for,
    split_to_learn,
    was_kept_out,
)
from unet.training.process import train_run

HEADS = dataclasses.replace(preset("nuclei").model, filters=(4, 8), dropout=(0.0,), input_size=(32, 32))
RESIZED = ModelConfig(filters=(4, 8), dropout=(0.0,), input_size=(32, 32))


@pytest.fixture(params=[HEADS, RESIZED], ids=["crops", "resized"])
def start(request, settings):
    return make_start(settings, request.param)


def make_start(settings, config):
    sizes = {"low": 5.0, "median": 8.0, "high": 12.0}
    info = ModelInfo("tiny", config, provenance={"object_diameters": sizes})
    save_model(settings.models / "tiny", build_unet(config), info)
    return find_model("uploaded:tiny", settings)


def grow(settings, count, finished=()):
    dataset = create_own("mine", settings)
    for seed in range(count):
        image, labels = draw_discs(4, (48, 64), seed)
        dataset = add_image(dataset, settings, f"{seed}.png", f"{seed:08d}"[::-1], image, labels, finished)
    return dataset


def shortly(config):
    return config.replace(epochs=2, batch_size=4, **({"crops": 8} if config.model.is_native else {}))


@pytest.mark.parametrize("count", [1, 3])
def test_few_images_are_all_learned_from_and_said_to_be(start, settings, count):
    dataset = grow(settings, count, [(4, 4, 40, 40)])
    report = inspect_dataset(dataset, settings)
    split = split_to_learn(report, 1)
    assert split[0] == split[1] and len(split[0]) == count
    config = shortly(learning_config(start, count, rehearsal_for(start, settings)))
    if start.info.config.is_native:
        from unet.datasets.add import add_sample

        add_sample(settings)
    run = create_run(dataset, report, config, settings, "better", split)
    assert train_run(run, settings).status == "finished"
    info = read_info(run.model_folder)
    assert info.provenance["start_from"] == "uploaded:tiny" and info.provenance["scores_on"] == "learned"
    assert (info.threshold, info.separation) == (start.info.threshold, start.info.separation)
    assert has_learned_from(run) == start.key
    change = score_change(run, settings)
    assert not change.kept_out and change.images == count


def test_what_is_kept_lies_halfway_from_the_start_also_where_a_training_goes_on(start, settings):
    from unet.models.folder import load_model

    dataset = grow(settings, 2)
    report = inspect_dataset(dataset, settings)
    config = shortly(learning_config(start, 2, ""))
    assert config.training.start_share == 0.5
    weights = {}
    for name, share in (("half", 0.5), ("stopped", 0.5), ("all", 0.0)):
        run = create_run(dataset, report, config.replace(start_share=share), settings, name, split_to_learn(report, 1))
        if name == "stopped":
            assert train_run(run, settings, partial(stop_after_one, run)).status == "stopped"
            assert run.state().epoch == 1
            run.stop_request.unlink(missing_ok=True)
        assert train_run(run, settings).status == "finished"
        weights[name] = load_model(run.model_folder).get_weights()
    before = load_model(start.folder).get_weights()
    assert any((old != new).any() for old, new in zip(before, weights["all"], strict=True))
    for name in ("half", "stopped"):
        for old, half, new in zip(before, weights[name], weights["all"], strict=True):
            np.testing.assert_allclose(half, (old + new) / 2, atol=2e-5, err_msg=name)


@pytest.mark.parametrize("share", [0.0, 0.5])
def test_the_threshold_moves_as_far_as_the_weights(settings, share):
    update_info(make_start(settings, HEADS).folder, threshold=0.9)
    start = find_model("uploaded:tiny", settings)
    dataset = grow(settings, 6)
    report = inspect_dataset(dataset, settings)
    split = split_to_learn(report, 1)
    config = shortly(learning_config(start, 6, "")).replace(start_share=share)
    run = create_run(dataset, report, config, settings, "better", split)
    assert train_run(run, settings).status == "finished"
    model, before = Predictor.open(run.model_folder), Predictor.open(start.folder)
    wanted = nudged_threshold(model, before, dataset, report, settings, split[0])
    assert wanted < start.info.threshold == 0.9
    assert model.info.threshold == pytest.approx(share * start.info.threshold + (1 - share) * wanted, abs=0.005)
    assert model.info.separation == start.info.separation


def stop_after_one(run, state):
    if state.best_epoch == 1:
        run.stop_request.touch()


def test_of_more_images_some_are_kept_out(settings):
    start = make_start(settings, HEADS)
    dataset = grow(settings, 10)
    train_ids, validation_ids = split_to_learn(inspect_dataset(dataset, settings), 1)
    assert (len(train_ids), len(validation_ids)) == (8, 2) and was_kept_out(train_ids, validation_ids)
    assert learning_config(start, 10).training.patience == 0
    assert learning_config(start, 20).training.patience > 0  # four of them say when it is enough


def test_the_whole_preset_learns_and_sizes_that_were_known_stay_known(settings):
    start = make_start(settings, HEADS)
    run = create_learning_run(grow(settings, 5), start, settings)
    assert run.info().config.preset == FINETUNE.preset
    train_run(run, settings)
    sizes = read_info(run.model_folder).provenance["object_diameters"]
    before = start.info.provenance["object_diameters"]
    assert sizes["low"] <= before["low"] and sizes["high"] >= before["high"] and sizes["median"] == before["median"]
    change = score_change(run, settings)
    assert change.kept_out and change.images == 1 and change.after.dice > change.before.dice


@pytest.mark.parametrize("start", [HEADS, RESIZED], ids=["crops", "resized"], indirect=True)
def test_what_is_not_finished_never_reaches_the_network_as_known(start, settings):
    dataset = grow(settings, 2, [(10, 12, 40, 44)])
    report = inspect_dataset(dataset, settings)
    config = shortly(learning_config(start, 2, ""))
    run = create_run(dataset, report, config, settings, "better", split_to_learn(report, 1))
    batches = read_training_data(run.info(), settings).training
    for _, targets in batches.epoch(1):
        assert targets.shape[-1] == config.model.maps + 1
        known = targets[..., -1]
        assert 0 < known.mean() < 1 and set(np.unique(known)) <= {0, 1}


def test_crops_for_rehearsal_come_from_the_other_dataset(settings, tmp_path):
    start = make_start(settings, HEADS)
    other = add_folder(write_pairs(tmp_path / "other", 3, seed=9), settings)
    dataset = grow(settings, 2, [(0, 0, 20, 20)])
    report = inspect_dataset(dataset, settings)
    config = learning_config(start, 2, other.id).replace(epochs=1, crops=40, rehearsal=0.25)
    run = create_run(dataset, report, config, settings, "better", split_to_learn(report, 1))
    training = read_training_data(run.info(), settings).training
    rehearsed = [index for index, _ in training.plan(1) if index < 0]
    assert len(rehearsed) == 10 and {-1 - index for index in rehearsed} <= {0, 1, 2}
    images, targets = training.read([(-1, (0, 0, 32, 32))])
    assert images.shape == (1, 32, 32, 3) and (targets[..., -1] == 255).all()


def test_the_dataset_that_a_model_comes_from_is_rehearsed_where_it_is_here(settings, tmp_path):
    other = add_folder(write_pairs(tmp_path / "other", 3), settings)
    start = make_start(settings, HEADS)
    info = dataclasses.replace(start.info, provenance={"fingerprint": other.fingerprint})
    assert rehearsal_for(dataclasses.replace(start, info=info), settings) == other.id
    assert rehearsal_for(dataclasses.replace(start, info=info), settings, []) == rehearsal_for(start, settings)


def test_the_command_line_does_it_and_says_what_it_was_worth(settings, tmp_path, capsys):
    make_start(settings, HEADS)
    folder = write_pairs(tmp_path / "pairs", 2)
    assert main(["learn", str(folder), "--start-from", "uploaded:tiny", "--no-rehearsal", "--name", "better"]) == 0
    said = capsys.readouterr().out
    assert "2 images it was learned from" in said and "before" in said
    run = open_run("better", settings)
    assert run.info().command.endswith("--start-from uploaded:tiny --no-rehearsal")
    assert main(["learn", str(folder), "--start-from", "run:none"]) == 1
    assert "no model" in capsys.readouterr().err
    assert [each.name for each in list_runs(settings)] == ["better"]
