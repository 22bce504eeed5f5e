"""The trainer as a process: started, killed, resumed, starved of disk."""

import os
import resource
import signal
import subprocess
import sys
import time

import pytest

from unet.errors import RunError, TrainingBusy
from unet.runs.run import current_run
from unet.settings import PROJECT
from unet.training.launch import request_stop, start


def wait_for(condition, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "waited too long"
        time.sleep(0.05)


def status(run):
    return run.state().status


def test_kill_minus_nine_then_resume(make_run, settings):
    run = make_run(epochs=200)
    start(run, settings)
    wait_for(lambda: len(run.metrics().epochs) >= 2)
    assert current_run(settings) == run
    with pytest.raises(TrainingBusy, match=run.name):
        start(make_run("second"), settings)

    os.kill(run.state().pid, signal.SIGKILL)
    wait_for(lambda: status(run) == "died", seconds=10)
    assert current_run(settings) is None
    before = [row["epoch"] for row in run.metrics().epochs]
    reached = run.state()

    start(run, settings)
    # What was reached is to be seen while the trainer gets ready again, which takes a while.
    now = run.state()
    assert now.status == "starting"
    assert (now.best, now.best_epoch, now.epoch) == (reached.best, reached.best_epoch, reached.epoch)
    assert reached.best
    wait_for(lambda: len(run.metrics().epochs) >= len(before) + 2)
    request_stop(run)
    assert status(run) == "stopping"
    wait_for(lambda: status(run) == "stopped", seconds=20)
    epochs = [row["epoch"] for row in run.metrics().epochs]
    assert epochs == list(range(1, len(epochs) + 1))
    # Once, though the log file is also where the process prints; the epoch that was killed may have been kept.
    assert run.log_tail().count("Going on after epoch") == 1
    assert run.model_folder


def test_a_full_disk_ends_as_failed_with_the_reason(make_run, settings):
    # A limit on the size of files makes real writes fail as on a full disk: the state still fits, a checkpoint not.
    run = make_run(filters=(16, 32))
    ended = subprocess.run(
        [sys.executable, "-m", "unet", "train", "--resume", run.name],
        cwd=PROJECT,
        env={**os.environ, "UNET_HOME": str(settings.home)},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000)),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ended.returncode == 1
    state = run.state()
    assert state.status == "failed"
    assert "disk is full" in state.reason
    assert "disk is full" in ended.stderr
    assert train_again(run, settings) == "finished"


def train_again(run, settings):
    start(run, settings)
    wait_for(lambda: not run.state().active)
    return status(run)


def test_a_finished_run_has_nothing_left_and_a_log_of_its_own_words(make_run, settings):
    run = make_run(epochs=1)
    assert train_again(run, settings) == "finished"
    foreign = [line for line in run.log_tail().splitlines() if "oneDNN" in line or "absl" in line or ".cc:" in line]
    assert not foreign
    assert "Epoch 1/1" in run.log_tail()
    with run.log.open("a") as file:
        file.write("E0000 00:00:1795567823.891516    6494 executor.cc:153] out of memory\n")
    assert run.log_tail().endswith("out of memory")
    with pytest.raises(RunError, match="nothing left"):
        start(run, settings)
