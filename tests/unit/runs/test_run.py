import json
import time
from dataclasses import replace

import pytest

from unet.errors import RunError
from unet.runs.record import Recorder, write_state
from unet.runs.run import delete_run, list_runs, open_run
from unet.runs.state import RunState
from unet.training.create import create_run
from unet.training.estimate import estimate_seconds, work_per_image


def test_run_json_comes_back(make_run, settings):
    run = make_run("first run!")
    info = run.info()
    assert run.name == info.name == "first-run"
    assert set(info.train_ids).isdisjoint(info.validation_ids)
    assert len(info.train_ids) + len(info.validation_ids) == 12
    assert "--filters 4 8" in info.command
    assert json.loads((run.folder / "run.json").read_text())["seed"] == 42
    assert open_run("first-run", settings) == run


def test_a_name_that_is_taken_gets_a_number_and_the_newest_comes_first(make_run, settings):
    names = [make_run("a").name, make_run("a").name]
    assert names == ["a", "a-2"]
    assert [run.name for run in list_runs(settings)] == ["a-2", "a"]


@pytest.mark.parametrize("name", ["nothing", "../datasets", "/etc", ".hidden", "a/b", ""])
def test_unknown_and_hostile_names_are_refused(name, settings):
    with pytest.raises(RunError, match="no run"):
        open_run(name, settings)


def test_a_damaged_state_is_no_traceback(make_run):
    run = make_run()
    (run.folder / "state.json").write_text("{")
    assert run.state().status == "died"


def test_a_line_in_the_writing_waits(make_run):
    run = make_run()
    (run.folder / "metrics.jsonl").write_text('{"epoch": 1, "loss": 1}\n{"epoch": 2, "batch": 1}\n{"epoch": 2, "lo')
    metrics = run.metrics()
    assert [row["epoch"] for row in metrics.epochs] == [1]
    assert len(metrics.steps) == 1


def test_rewinding_drops_what_will_be_trained_again(make_run):
    run = make_run()
    recorder = Recorder(run, epochs=3)
    for row in ({"epoch": 1, "batch": 1}, {"epoch": 1, "loss": 2.0}, {"epoch": 2, "batch": 1}):
        recorder.log(row)
    recorder.rewind(1)
    assert [row["epoch"] for row in run.metrics().epochs + run.metrics().steps] == [1, 1]


def test_the_heartbeat_goes_on_while_the_training_is_silent(make_run):
    run = make_run()
    with Recorder(run, epochs=1) as recorder:
        before = run.state().updated
        recorder.step(phase="thinking")
        time.sleep(2.5)
        assert run.state().updated > before
        assert run.state().phase == "thinking"


def test_only_a_run_at_rest_can_be_deleted(make_run, settings):
    run = make_run()
    with Recorder(run, epochs=1), pytest.raises(RunError, match="stop it"):
        delete_run(run)
    write_state(run, RunState(status="finished"))
    delete_run(run)
    assert list_runs(settings) == []


def test_old_runs_go_when_a_deployment_keeps_few(dataset, settings, make_run):
    from unet.datasets.inspection import inspect_dataset

    for name in "abc":
        make_run(name)
    few = replace(settings, keep_runs=2)
    create_run(dataset, inspect_dataset(dataset, few), make_run("x").info().config, few, "d")
    assert [run.name for run in list_runs(settings)] == ["d", "x"]


def test_the_estimate_grows_with_the_work(make_run, settings):
    config = make_run().info().config
    assert estimate_seconds(config, 200, settings) > estimate_seconds(config, 100, settings)
    assert work_per_image(config.replace(input_size=(64, 64))) == pytest.approx(4 * work_per_image(config))
