"""Run folders that are damaged: whoever reads them gets a sentence or a default, never a traceback."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings, strategies

from studio.common.charts import METRICS, describe_curve, learning_curve
from studio.train.run_list import summary
from unet.cli import commands
from unet.errors import RunError
from unet.models.registry import list_models
from unet.runs import alive
from unet.runs.record import Recorder, write_state
from unet.runs.run import current_run, list_runs, open_run
from unet.runs.state import RunState
from unet.training.estimate import estimate_seconds

MANY = settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
LEAVES = strategies.one_of(
    strategies.none(),
    strategies.booleans(),
    strategies.integers(),
    strategies.just(10**400),
    strategies.floats(),
    strategies.text(max_size=8),
    strategies.just("\ud800"),
)
ANYTHING = strategies.recursive(
    LEAVES, lambda each: strategies.lists(each, max_size=3) | strategies.dictionaries(strategies.text(max_size=4), each)
)
FILES = ("run.json", "state.json", "metrics.jsonl", "log.txt", "previews/0-epoch-x.png", "model/model.json")


def read_everything(run, settings):
    """Do what the pages and the command line do with all runs."""
    assert run in list_runs(settings)
    state, metrics = run.state(), run.metrics()
    info = None
    with suppress(RunError):
        info = run.info()
    summary(run, state).encode()
    assert 0 <= state.progress <= 1
    for name in METRICS:
        learning_curve(metrics, name, 3, state.best_epoch, None).to_json()
        describe_curve(metrics, name, state.best_epoch)
    current_run(settings)
    list_models(settings)
    if info:
        estimate_seconds(info.config, 10, settings)
    assert commands.runs(None) == 0
    return run.previews(), run.log_tail()


@MANY
@given(data=strategies.data())
def test_values_of_any_kind(make_run, settings, data, capsys):
    run = next(iter(list_runs(settings)), None) or make_run()
    whole = {name: json.loads((run.folder / name).read_text()) for name in ("run.json", "state.json")}
    name = data.draw(strategies.sampled_from([*whole, "metrics.jsonl"]))
    if name == "metrics.jsonl":
        row = {"epoch": 1, "batch": 1, "batches": 2, "loss": 0.5}
        row[data.draw(strategies.sampled_from([*row, "val_loss"]))] = data.draw(ANYTHING)
        (run.folder / name).write_text(json.dumps(row) + "\n")
        read_everything(run, settings)
        return
    changed = json.loads(json.dumps(whole[name]))
    changed[data.draw(strategies.sampled_from(sorted(changed)))] = data.draw(ANYTHING)
    try:
        (run.folder / name).write_text(json.dumps(changed))
        read_everything(run, settings)
    finally:
        (run.folder / name).write_text(json.dumps(whole[name]))


@pytest.mark.parametrize("damage", ["bytes", "half", "folder", "deep", "null", "gone"])
@pytest.mark.parametrize("name", FILES)
def test_files_of_any_kind(make_run, settings, name, damage):
    run = make_run()
    path = run.folder / name
    path.parent.mkdir(exist_ok=True)
    text = path.read_text() if path.exists() else "{}"
    path.unlink(missing_ok=True)
    if damage == "folder":
        path.mkdir()
    elif damage != "gone":
        content = {"bytes": b"\xff\x00\xfe", "half": text[: len(text) // 2].encode(), "deep": b"[" * 100_000}
        path.write_bytes(content.get(damage, b"null\n"))
    if (name, damage) != ("run.json", "gone"):
        read_everything(run, settings)


@pytest.mark.parametrize("name", ["x" * 300, "x" * 5000, "ä" * 130])
def test_a_name_that_is_no_name_is_a_sentence(name, settings):
    with pytest.raises(RunError, match="There is no run") as caught:
        open_run(name, settings)
    assert len(str(caught.value)) < 150


# ---- alive or not ----------------------------------------------------------------------------------------------


@pytest.fixture
def trainer():
    """A process that does nothing, standing for a trainer."""
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    yield process
    process.kill()
    process.wait()


@pytest.mark.parametrize("step", [-86400, -3, 3, 86400])
def test_a_clock_that_is_set_leaves_a_live_training_alive(make_run, monkeypatch, step):
    run = make_run()
    with Recorder(run, epochs=1):
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + step)
        monkeypatch.setattr("psutil._pslinux.boot_time", lambda: 1e9 + step, raising=False)
        assert run.state().status == "starting"


def test_a_process_that_stands_still_is_alive_until_it_is_gone(make_run, trainer):
    run = make_run()
    long_ago = time.time() - 1000
    write_state(run, RunState(status="running", pid=trainer.pid, born=alive.birth(trainer.pid), updated=long_ago))
    os.kill(trainer.pid, signal.SIGSTOP)
    assert run.state().status == "running"
    trainer.kill()
    deadline = time.monotonic() + 30
    while run.state().active and time.monotonic() < deadline:  # it is a zombie now: nobody has waited for it
        time.sleep(0.05)
    assert run.state().status == "died"


def test_a_number_that_was_given_to_another_process_is_not_the_trainer(make_run, trainer):
    run = make_run()
    mine = RunState(status="running", pid=os.getpid(), born=alive.birth(os.getpid()))
    write_state(run, mine)
    assert run.state().status == "running"
    write_state(run, replace(mine, born=alive.birth(trainer.pid)))
    assert (run.state().status == "died") == (alive.birth(trainer.pid) != alive.birth(os.getpid()))
    write_state(run, replace(mine, pid=2**22 + 1))
    assert run.state().status == "died"
    assert run.state().resumable


def test_a_trainer_of_another_machine_is_known_by_its_beat(make_run):
    run = make_run()
    elsewhere = RunState(status="running", pid=1, born="another machine 1")
    write_state(run, elsewhere)
    assert run.state().status == "running"
    write_state(run, replace(elsewhere, updated=time.time() - 1000))
    assert run.state().status == "died"
