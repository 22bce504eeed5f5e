"""How long visitors wait for a threshold that they released, many at once, and what memory their visits take.

    python -m benchmarks.visitors [--visitors 1 10 20] [--rounds 12] [--pause 1] [--training] [--checkout PATH]
    python -m benchmarks.visitors --idle 50
    python -m benchmarks.visitors --visits 200

Each visitor is a websocket session of its own, without a browser, with images of its own of 1024 x 1024 pixels and 300
nuclei. All open Predict at once, and then move the threshold to and fro: what is measured is the time from its release
to the end of what the server sends, first with the pause between two releases, then without. ``--training`` lets a
U-Net train beside them. ``--idle`` opens sessions that do nothing further, ``--visits`` lets visitors come and go one
after the other, each with a new image. ``--checkout`` measures another version of the app, for comparison on one
machine in one hour. The visitors share the machine with the server.
"""

from __future__ import annotations

import argparse
import os
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import psutil
from PIL import Image
from streamlit.proto.BackMsg_pb2 import BackMsg

from studio.predict.uploads import keep_uploads
from tests.browser import driver
from tests.raw_visitor import RawVisitor, visit
from unet.datasets.synthetic.nuclei import generate_nuclei
from unet.settings import MB, Settings

NUCLEI = 300 / 1024**2  # a pixel
BETWEEN = 0.05  # seconds between the first messages of two visitors, who do not come in the same instant


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--visitors", type=int, nargs="+", default=[1, 10, 20])
    parser.add_argument("--images", type=int, default=1, help="of each visitor")
    parser.add_argument("--side", type=int, default=1024, help="height and width of an image")
    parser.add_argument("--rounds", type=int, default=12, help="releases of each visitor")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two releases, on average")
    parser.add_argument("--training", action="store_true", help="let a training run beside")
    parser.add_argument("--idle", type=int, default=0, metavar="N", help="open N sessions and leave them alone")
    parser.add_argument("--visits", type=int, default=0, metavar="N", help="let N visitors come and go")
    parser.add_argument("--checkout", type=Path, default=driver.PROJECT, help="of the app that is measured")
    flags = parser.parse_args()
    driver.PROJECT = flags.checkout.resolve()
    print(f"{os.cpu_count()} cores, {flags.side} x {flags.side} pixels; {driver.PROJECT.name}", flush=True)
    if flags.idle:
        idle(flags.idle)
    elif flags.visits:
        visits(flags.visits, flags.side)
    else:
        for count in flags.visitors:
            together(count, flags)


class Predicting:
    """A visitor of Predict, as a browser would be one."""

    def __init__(self, visitor: RawVisitor, images: str):
        self.visitor, self.query = visitor, f"images={images}"
        self.look, self.widget, self.bytes = "", "", 0

    def open(self) -> float:
        """Open the page and return the seconds until it was drawn."""
        message = BackMsg()
        message.rerun_script.page_name = "predict"
        return self._ask(message)

    def release(self, threshold: float) -> float:
        """Let the slider go and return the seconds until all was answered."""
        message = BackMsg()
        message.rerun_script.fragment_id = self.look
        message.rerun_script.widget_states.widgets.add(id=self.widget, json_value="{}")
        moved = message.rerun_script.widget_states.widgets.add()
        moved.id = f"$$STREAMLIT_INTERNAL_KEY_{self.widget}__events"
        moved.json_trigger_value = f'[{{"event": "threshold", "value": {threshold:.2f}}}]'
        return self._ask(message)

    def _ask(self, message: BackMsg) -> float:
        message.rerun_script.query_string = self.query
        began, self.bytes = time.perf_counter(), 0
        for told in self.visitor.ask(message):
            self.bytes += told.ByteSize()
            if told.WhichOneof("type") == "page_info_changed":
                self.query = told.page_info_changed.query_string
            if told.delta.new_element.WhichOneof("type") == "exception":
                raise RuntimeError(f"The page failed: {told.delta.new_element.exception.message}")
            component = told.delta.new_element.bidi_component
            if component.component_name == "unet_viewer":
                self.look, self.widget = told.delta.fragment_id, component.id
        if not self.widget:
            raise RuntimeError("The page showed no picture.")
        return time.perf_counter() - began


def together(count: int, flags: argparse.Namespace) -> None:
    """Let visitors come at once, and move their thresholds."""
    with ExitStack() as stack:
        app = stack.enter_context(server())
        keys = [keep(app, number, flags.side, flags.images) for number in range(count)]
        if flags.training:
            stack.enter_context(training(app))
        visitors = [Predicting(stack.enter_context(visit(app.url)), key) for key in keys]
        opened = at_once([lambda each=each: [each.open()] for each in visitors])
        tell(f"{count} visitors open the page", opened)
        for pause in (flags.pause, 0.0):
            began, process = time.perf_counter(), psutil.Process(app.pid)
            busy = sum(process.cpu_times()[:2])
            waited = at_once([lambda each=each, pause=pause: moves(each, flags.rounds, pause) for each in visitors])
            busy = sum(process.cpu_times()[:2]) - busy
            cores, each = busy / (time.perf_counter() - began), 1000 * busy / len(waited)
            size = statistics.mean(visitor.bytes for visitor in visitors) / 1000
            words = f"{each:.0f} ms of the processor and {size:.0f} kB each, {cores:.2f} cores, {memory(app):.0f} MB"
            tell(f"{count} release, {pause:g} s apart", waited, words)


def moves(visitor: Predicting, rounds: int, pause: float) -> list[float]:
    chance, found = random.Random(visitor.query), []
    for number in range(rounds):
        time.sleep(chance.uniform(0.5, 1.5) * pause)
        # Now here, now there: a threshold that was seen before costs less.
        found.append(visitor.release(0.2 + 0.01 * ((7 * number + 1) % 60)))
    return found


def idle(count: int) -> None:
    """Open sessions that do nothing further."""
    with ExitStack() as stack:
        app = stack.enter_context(server())
        key = keep(app, 0, 256, 1)
        Predicting(stack.enter_context(visit(app.url)), key).open()
        before = memory(app)
        for _ in range(count):
            Predicting(stack.enter_context(visit(app.url)), key).open()
        time.sleep(2)
        after = memory(app)
        print(f"{count} idle sessions: {before:.0f} MB → {after:.0f} MB, {(after - before) / count:.2f} MB each")


def visits(count: int, side: int) -> None:
    """Let visitors come and go, each with an image of its own and three thresholds."""
    with server() as app:
        for number in range(1, count + 1):
            key = keep(app, number, side, 1)
            with visit(app.url) as raw:
                visitor = Predicting(raw, key)
                visitor.open()
                moves(visitor, 3, 0.0)
            if number in (1, 5) or number % 20 == 0:
                print(f"after {number:4} visits: {memory(app):.0f} MB", flush=True)


@contextmanager
def server() -> Iterator[driver.App]:
    with tempfile.TemporaryDirectory() as folder, driver.running_app(Path(folder), UNET_LOCAL_FOLDERS="off") as app:
        yield app


def keep(app: driver.App, number: int, side: int, images: int) -> str:
    """Put images where uploads lie, and return the key by which the address names them."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        files = []
        for index in range(images):
            path = Path(folder) / f"{number}-{index}.png"
            image = generate_nuclei(1000 * number + index, (side, side), nuclei=round(NUCLEI * side**2))[0]
            Image.fromarray(image).save(path)
            files.append((path.name, stack.enter_context(path.open("rb"))))
        return keep_uploads(files, replace(Settings(home=app.home), max_upload_mb=4000))


@contextmanager
def training(app: driver.App) -> Iterator[None]:
    """Let a U-Net learn, and wait until it does."""
    command = [sys.executable, "-m", "unet", "train", "synthetic-nuclei", "--preset", "nuclei", "--name", "beside"]
    environment = {**os.environ, "UNET_HOME": str(app.home)}
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=driver.PROJECT, env=environment, **quiet)
    psutil.Process(process.pid).nice(5)  # as the app starts it
    try:
        metrics = app.home / "runs" / "beside" / "metrics.jsonl"
        while not metrics.exists():
            if process.poll() is not None:
                raise RuntimeError("The training ended at once.")
            time.sleep(0.5)
        yield
    finally:
        process.kill()
        process.wait()


def at_once(actions: list) -> list[float]:
    """Run actions in threads of their own and return all that they return; the first exception is raised."""
    found: list[float] = []
    problems: list[BaseException] = []

    def act(number: int, action) -> None:
        time.sleep(number * BETWEEN)
        try:
            found.extend(action())
        except BaseException as problem:
            problems.append(problem)

    threads = [threading.Thread(target=act, args=item) for item in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if problems:
        raise problems[0]
    return found


def tell(title: str, seconds: list[float], more: str = "") -> None:
    ordered = sorted(seconds)
    late = ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]
    print(
        f"  {title:32} median {statistics.median(ordered):6.3f} s, 95 % {late:6.3f} s, "
        f"slowest {ordered[-1]:6.3f} s   {more}",
        flush=True,
    )


def memory(app: driver.App) -> float:
    """Return the MB that the server takes, with the processes that it has started for predictions."""
    process = psutil.Process(app.pid)
    return sum(each.memory_info().rss for each in [process, *process.children(recursive=True)]) / MB


if __name__ == "__main__":
    main()
