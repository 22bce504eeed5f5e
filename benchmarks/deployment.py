"""Attacks for ``attack.py`` on what a deployment stands on: its disk, clock and Run folders, and a proxy before it."""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING
from unittest import mock

from filelock import FileLock
from websockets.exceptions import WebSocketException

from benchmarks.hostile import good_archive, strange_value
from unet.cli import commands
from unet.cli.main import main
from unet.config import Config, preset
from unet.datasets.add import add_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import Dataset
from unet.errors import TrainingBusy
from unet.models.registry import list_models
from unet.processes import birth
from unet.runs.record import write_state
from unet.runs.run import Run, list_runs
from unet.runs.state import RunState
from unet.settings import PROJECT, SAMPLE_IMAGES, Settings
from unet.training.create import create_and_train, create_run

if TYPE_CHECKING:
    from benchmarks.attack import Attack

OWN_DISK = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]
FOLDER_CHOICE = ":material/folder_open:"  # what only whoever sits at the machine is shown
HEADERS = ("X_Forwarded_For", "X_Forwarded_Host", "X_Real_Ip", "Forwarded", "Via", "Origin")
SAID = ("127.0.0.1", "localhost", "::1", "192.0.2.7", "for=127.0.0.1", "http://localhost:8501", "")
HOSTS = ("localhost", "127.0.0.1", "[::1]", "localhost.example.org", "192.0.2.7", "x" * 200)


def disks(attack: Attack) -> None:
    """Predict and train on disks of random sizes, which fill somewhere on the way, and see that this is said."""
    archive, image = good_archive(attack.home / "a.zip", samples=8), next(SAMPLE_IMAGES.glob("*.png"))
    python = f"UNET_HOME={{disk}}/home {sys.executable} -m unet"
    ways = {
        "prediction": f"{python} predict --input {image} --output {{disk}}/out --export labels probability",
        "training": f"{python} train {archive} --epochs 2 --input-size 32 32 --filters 4 8 --dropout 0.1",
    }
    while attack.goes_on or not attack.outcomes:
        way = attack.chance.choice(list(ways))
        size = attack.chance.choice((16, 64, 300)) if way == "prediction" else attack.chance.randrange(60, 4000)
        with tempfile.TemporaryDirectory(dir=attack.home) as disk:
            script = (
                f'mount -t tmpfs -o size={size}k tmpfs {disk} || exit 99; {ways[way].format(disk=disk)}; echo "code $?"'
            )
            done = subprocess.run(
                [*OWN_DISK, script], cwd=PROJECT, capture_output=True, text=True, timeout=300, check=False
            )
        if done.returncode or not done.stdout:
            attack.outcomes["no disk of its own is allowed here"] += 1
            return
        told = f"{done.stdout}\n{done.stderr}".lower()
        if "traceback" in told or ("code 0" not in told and "room" not in told and "disk" not in told):
            attack.broken.append(f"{way} on {size} kB: {done.stderr[-300:]}")
            attack.outcomes[f"{way}: BROKEN"] += 1
        else:
            attack.outcomes[f"{way}: {'done' if 'code 0' in told else 'the disk is said'}"] += 1


def clocks(attack: Attack) -> None:
    """Set the clock, and freeze and kill a process that stands for a trainer: it lives until it is gone."""
    run, _, _, _ = _made(attack)
    while attack.goes_on or not attack.outcomes:
        trainer = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
        now, step = time.time, attack.chance.choice((1, -1)) * 10 ** attack.chance.uniform(0, 7)
        try:
            write_state(run, RunState(status="running", pid=trainer.pid, born=birth(trainer.pid)))
            with mock.patch("time.time", lambda now=now, step=step: now() + step):
                attack.count("the clock was set", run.state().status == "running", f"{step:.0f} s")
            trainer.send_signal(signal.SIGSTOP)
            attack.count("frozen", run.state().status == "running", "")
        finally:
            trainer.kill()
            trainer.wait()
        attack.count("killed", run.state().status == "died", run.state().status)


def runs(attack: Attack) -> None:
    """Damage Run folders and read them all, make runs of one name at once, and refuse trainings."""
    run, dataset, settings, config = _made(attack)
    report = inspect_dataset(dataset, settings)
    good = {path: path.read_bytes() for path in run.folder.rglob("*.json")}
    while attack.goes_on or not attack.outcomes:
        for path, content in good.items():
            damaged = attack.changed(content)
            if attack.chance.random() < 0.5:
                table = json.loads(content)
                table[attack.chance.choice(list(table))] = strange_value(attack.chance)
                damaged = json.dumps(table).encode()
            path.write_bytes(damaged)
        with contextlib.redirect_stdout(io.StringIO()):
            attack.try_out("damaged run", partial(commands.runs, None))
        attack.try_out("models of a damaged run", partial(list_models, settings))
        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(lambda _: create_run(dataset, report, config, settings, "same").folder, range(4)))
        attack.count("one name at once", len(set(made)) == 4, str(made))
        before = len(list_runs(settings))
        with FileLock(settings.runs / ".training.lock"), contextlib.suppress(TrainingBusy):
            create_and_train(
                dataset.root, settings=settings, epochs=1, input_size=(32, 32), filters=(4, 8), dropout=0.1
            )
        attack.count("a refused training", len(list_runs(settings)) == before, "it left a run")
        long = attack.chance.choice(("x", "9", "ä")) * attack.chance.choice((300, 5000))
        flag = attack.chance.choice(("--model", "--page", "--keep", "--min-area"))
        command = ["predict", "--input", "nothing.png", "--output", str(attack.home / "out"), flag, long]
        with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit):
            attack.try_out("long arguments", partial(main, command))


def proxies(attack: Attack) -> None:
    """Come through a proxy with headers of any kind, and send more than there is room for."""
    from tests.app.test_server import proxy, upload
    from tests.browser.driver import running_app
    from tests.raw_visitor import visit

    with running_app(attack.home, UNET_LOCAL_FOLDERS="", UNET_MAX_UPLOAD_MB="5") as app, proxy(app) as url:
        while attack.goes_on or not attack.outcomes:
            names = attack.chance.sample(HEADERS, attack.chance.randrange(4))
            headers = {name: attack.chance.choice(SAID) for name in names}
            host = f"{attack.chance.choice(HOSTS)}:{attack.chance.choice((80, 8501, app.port))}"
            try:
                with visit(attack.chance.choice((url, app.url)), host=host, **headers) as visitor:
                    page = visitor.run("train")
                    attack.count("no folder is offered", FOLDER_CHOICE not in page, f"{host} {headers}")
                    sizes = [attack.chance.randrange(1, 8) for _ in range(4)]
                    taken = [
                        size
                        for size in sizes
                        if upload(app.url, visitor.session, os.urandom(4).hex(), size << 20) == 204
                    ]
                    attack.count("uploads have an end", sum(taken) <= 10 and max(taken, default=0) <= 5, str(sizes))
            except (OSError, ValueError, WebSocketException) as error:  # a host that is none gets no page
                attack.outcomes[f"refused: {type(error).__name__}"] += 1


def _made(attack: Attack) -> tuple[Run, Dataset, Settings, Config]:
    settings = Settings(home=attack.home / "workspace")
    os.environ["UNET_HOME"] = str(settings.home)
    dataset = add_zip(good_archive(attack.home / "a.zip", samples=8), settings)
    config = preset("tutorial").replace(input_size=(32, 32), filters=(4, 8), dropout=0.1)
    return (
        create_run(dataset, inspect_dataset(dataset, settings), config, settings, "attacked"),
        dataset,
        settings,
        config,
    )
