"""Attacks on everything that a stranger can send, and on processes in mid-write; what came of them, counted.

    python -m benchmarks.attack [--seconds 60] [--seed 0] [--only images archives … proxies]

Good files are changed at random (bytes flipped, cut out, repeated, or set to the extremes) and given to the program,
beside files that are made to claim more than they are (``benchmarks/sent.py``). Processes are killed (-9) while they
store, inspect and prepare a dataset, and while they train, and what they leave is looked at. Disks fill, clocks are
set, Run folders are damaged, and visitors come through a proxy (``benchmarks/deployment.py``). Each kind of attack gets
the same share of the time, in a process of its own, so that a crash ends only that one. Whatever is neither a result
nor a declared error is "BROKEN", and the exit code is then 1.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.deployment import clocks, disks, proxies, runs
from benchmarks.hostile import good_archive
from benchmarks.sent import archives, crafted, images, models, names
from unet.datasets.add import add_zip
from unet.datasets.inspection import inspect_dataset
from unet.datasets.store import list_datasets
from unet.errors import UnetError
from unet.settings import PROJECT, Settings

# Longer than any answer may take, on a busy machine too.
TOO_LONG = 90.0
LONGEST_ERROR = 1500
WORKER = """
import sys; from pathlib import Path
from unet.config import preset
from unet.datasets.add import add_zip
from unet.datasets.inspection import inspect_dataset
from unet.settings import Settings
from unet.training.inputs.resized import prepare
settings = Settings(home=Path(sys.argv[1]))
dataset = add_zip(Path(sys.argv[2]), settings)
prepare(dataset, inspect_dataset(dataset, settings), preset("tutorial").model, settings)
"""


@dataclass
class Attack:
    """One kind of attack: its chance, its time, and what came of it."""

    chance: random.Random
    deadline: float
    home: Path
    outcomes: Counter = field(default_factory=Counter)
    broken: list[str] = field(default_factory=list)

    @property
    def goes_on(self) -> bool:
        return time.monotonic() < self.deadline

    def try_out(self, what: str, action: Callable[[], object], path: Path | None = None) -> object:
        """Count what comes of an action; a file that breaks the program is kept where it is said."""
        began = time.monotonic()
        try:
            result, outcome = action(), "result"
        except UnetError as error:
            result, outcome = None, "declared error"
            if not 0 < len(str(error)) <= LONGEST_ERROR or str(self.home) in str(error):
                outcome = "BROKEN: error too long or with a path"
        except Exception as error:
            result, outcome = None, f"BROKEN: {type(error).__name__}"
        if time.monotonic() - began > TOO_LONG:
            outcome = "BROKEN: too slow"
        self.outcomes[f"{what}: {outcome}"] += 1
        if outcome.startswith("BROKEN"):
            kept = self.home / f"broken-{len(self.broken)}"
            kept.write_bytes(path.read_bytes() if path else b"")
            self.broken.append(f"{what}: {outcome} ({kept})")
        return result

    def count(self, what: str, holds: bool, more: str) -> None:
        """Count whether something holds; if it does not, ``more`` says how."""
        self.outcomes[f"{what}: {'holds' if holds else 'BROKEN'}"] += 1
        if not holds:
            self.broken.append(f"{what}: {more}")

    def changed(self, data: bytes) -> bytes:
        """Return the bytes with a few changes of the kinds that break readers."""
        found = bytearray(data)
        for _ in range(self.chance.choice((1, 1, 2, 4, 16))):
            place = self.chance.randrange(max(1, len(found)))
            if self.chance.random() < 0.5:  # where headers are
                place = min(place, self.chance.randrange(200))
            kind = self.chance.randrange(6)
            if kind <= 1:
                found[place : place + 1] = bytes([self.chance.randrange(256)])
            elif kind == 2:
                found[place : place + 4] = self.chance.choice((b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", bytes(4)))
            elif kind == 3:
                del found[place : place + self.chance.randrange(1, 40)]
            elif kind == 4:
                found[place:place] = found[place : place + self.chance.randrange(1, 200)]
            else:
                del found[self.chance.randrange(len(found) + 1) :]
        return bytes(found)


# ---- kills -----------------------------------------------------------------------------------------------------


def kills(attack: Attack) -> None:
    """Kill processes that store, inspect and prepare; then do it in peace, and see that nothing is left over."""
    from unet.files import sweep

    settings = Settings(home=attack.home / "workspace")
    archive = good_archive(attack.home / "a.zip", samples=40, side=200)
    command = [sys.executable, "-c", WORKER, str(settings.home), str(archive)]
    while attack.goes_on:
        process = subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(attack.chance.uniform(0.2, 5))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        attack.outcomes["killed" if process.returncode else "done before the kill"] += 1
        sweep(settings.home)
        left = list(settings.home.glob("datasets/**/.[0-9]*"))
        attack.outcomes["BROKEN: left over" if left else "nothing left over"] += 1
        attack.broken += [f"left over: {path}" for path in left]
        for dataset in list_datasets(settings):
            attack.try_out("dataset after kills", partial(inspect_dataset, dataset, settings))


def trainings(attack: Attack) -> None:
    """Kill a training again and again and go on with it; see that no epoch is lost or doubled."""
    from unet.config import preset
    from unet.files import sweep
    from unet.models.metadata import read_info
    from unet.training.create import create_run

    settings = Settings(home=attack.home / "workspace")
    dataset = add_zip(good_archive(attack.home / "a.zip", samples=12), settings)
    config = preset("tutorial").replace(input_size=(32, 32), filters=(4, 8), dropout=0.1, epochs=2000, patience=0)
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "attacked")
    environment = {**os.environ, "UNET_HOME": str(settings.home)}
    command = [sys.executable, "-m", "unet", "train", "--resume", run.name]
    reached = 0
    while attack.goes_on:
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            process.wait(attack.chance.uniform(1, 25))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        epochs = [row["epoch"] for row in run.metrics().epochs]
        sound = epochs == list(range(1, len(epochs) + 1)) and len(epochs) >= reached and not run.state().active
        attack.outcomes["killed, epochs whole" if sound else "BROKEN: epochs lost or doubled"] += 1
        attack.broken += [] if sound else [f"{run.folder}: {epochs[-5:]} after {reached}, {run.state().status}"]
        # What stands in metrics after the last checkpoint is trained again.
        reached = max(0, len(epochs) - 1)
        sweep(settings.home)
        if run.model_folder:
            attack.try_out("model after a kill", partial(read_info, run.model_folder))


ATTACKS = {
    each.__name__: each
    for each in (images, archives, crafted, names, models, kills, trainings, disks, clocks, runs, proxies)
}


def run_attack(name: str, seed: int, seconds: float, home: Path) -> Attack:
    """Run one kind of attack in this process."""
    attack = Attack(random.Random(f"{name} {seed}"), time.monotonic() + seconds, home)
    ATTACKS[name](attack)
    return attack


def main() -> int:
    """Run the attacks, each in a process of its own, and print what came of them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60, help="for all kinds together (%(default)s)")
    parser.add_argument("--seed", type=int, default=0, help="of all chance (%(default)s)")
    parser.add_argument("--only", nargs="+", choices=ATTACKS, default=list(ATTACKS), help="which kinds")
    parser.add_argument("--here", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    share = options.seconds / len(options.only)
    if options.here:
        attack = run_attack(options.only[0], options.seed, options.seconds, options.here)
        print(json.dumps({"outcomes": attack.outcomes, "broken": attack.broken}))
        return 0
    failed = False
    for name in options.only:
        home = Path(tempfile.mkdtemp(prefix=f"attack-{name}-"))
        command = [
            sys.executable,
            "-m",
            "benchmarks.attack",
            "--only",
            name,
            "--seed",
            str(options.seed),
            "--seconds",
            str(share),
        ]
        done = subprocess.run([*command, "--here", str(home)], stdout=subprocess.PIPE, text=True, check=False)
        print(f"{name}, {share:.0f} s")
        if done.returncode:
            print(f"  BROKEN: the process ended with {done.returncode}; its files are in {home}")
            failed = True
            continue
        told = json.loads(done.stdout.splitlines()[-1])
        for outcome, count in sorted(told["outcomes"].items()):
            print(f"  {count:7,}  {outcome}")
        for line in told["broken"][:20]:
            print(f"  {line}")
        failed |= bool(told["broken"])
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
