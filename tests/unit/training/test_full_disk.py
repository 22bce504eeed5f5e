"""A disk that fills: on a small one of the test's own, where the system lets a user have one."""

import subprocess
import sys

import pytest

from unet.runs.record import Recorder
from unet.training.process import failure_reason

MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
FULL = """
mount -t tmpfs -o size=1m tmpfs {home} && {python} - <<'END'
import os
from pathlib import Path
from unet.runs.record import Recorder
from unet.runs.run import Run
run = Run(Path("{home}") / "run")
run.folder.mkdir()
with Recorder(run, 3) as recorder:
    with open("{home}/ballast", "wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError as error:
            reason = str(error)
    recorder.end(status="failed", reason="The disk is full.")
print(run.state().status, run.state().reason)
# And where not even that could be said:
from dataclasses import replace
from unet.runs.record import write_state
os.unlink("{home}/ballast")
write_state(run, replace(run.state(), status="running", pid=999999999, born="{born}"))
with open("{home}/ballast", "wb", buffering=0) as file:
    try:
        while file.write(bytes(4096)):
            pass
    except OSError:
        pass
print(run.state().status, run.state().reason)
END
"""


def test_a_full_disk_is_recorded_and_told(tmp_path):
    from unet.processes import machine

    script = FULL.format(home=tmp_path, python=sys.executable, born=f"{machine()} 1")
    try:
        done = subprocess.run([*MOUNT, script], capture_output=True, text=True, timeout=60, check=False)
    except FileNotFoundError:
        pytest.skip("there is no unshare here")
    if "mount" in done.stderr or "unshare" in done.stderr:
        pytest.skip("no disk of its own is allowed here")
    assert done.stdout.splitlines()[0] == "failed The disk is full.", done.stderr
    assert done.stdout.splitlines()[1].startswith("died The disk is full"), done.stderr


def test_the_room_kept_for_it_is_given_back(make_run):
    run = make_run()
    with Recorder(run, 1) as recorder:
        assert run.reserve.stat().st_size > 4096
        recorder.end(status="finished", reason="")
    assert not run.reserve.exists()


def test_tensorflow_says_a_full_disk_as_it_says_full_memory(settings):
    class ResourceExhaustedError(Exception):
        pass

    assert "disk is full" in failure_reason(ResourceExhaustedError("x/events.out: No space left on device"), settings)
    assert "memory" in failure_reason(ResourceExhaustedError("OOM when allocating tensor"), settings)
