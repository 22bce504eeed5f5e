"""The installed package: what `pip install` gives, away from the checkout."""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
import sys
import time
import tomllib
import urllib.request
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from tests.browser.driver import free_port
from unet.settings import PROJECT

PYPROJECT = tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory) -> Path:
    """A folder into which the project's wheel is installed, as pip would put it into an environment."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "-q"]
    build = [*pip, "wheel", "--no-deps", "--no-build-isolation", "-w", str(folder), str(PROJECT)]
    subprocess.run(build, check=True, timeout=300)
    (wheel,) = folder.glob("unet_studio-*.whl")
    subprocess.run(
        [*pip, "install", "--no-deps", "--target", str(folder / "site"), str(wheel)], check=True, timeout=300
    )
    return folder / "site"


@pytest.fixture
def run(installed, tmp_path):
    """Run the installed command in a folder that knows nothing of the checkout."""
    environment = {**os.environ, "PYTHONPATH": str(installed), "UNET_HOME": str(tmp_path / "home")}

    def run(*words: str, start=subprocess.run, **options):
        command = [sys.executable, str(installed / "bin" / "unet-studio"), *words]
        return start(command, cwd=tmp_path, env=environment, **options)

    return run


def test_it_predicts_a_sample_elsewhere(run, installed, tmp_path):
    sample = installed / "unet" / "_app" / "assets" / "samples" / "sparse.png"
    words = ["predict", "--input", str(sample), "--output", "results"]
    done = run(*words, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "results" / "summary.csv").is_file()


def test_it_opens_the_app_elsewhere(run):
    port = free_port()
    server = run(
        "run", "--port", str(port), start=subprocess.Popen, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        assert wait_until_healthy(f"http://127.0.0.1:{port}/_stcore/health")
    finally:
        server.terminate()
        server.wait(20)


def wait_until_healthy(address: str, seconds: float = 60) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError), urllib.request.urlopen(address, timeout=5) as answer:
            return answer.read() == b"ok"
        time.sleep(0.2)
    return False


def test_the_app_s_pages_are_drawn_from_what_is_installed(installed, tmp_path):
    program = f"""
from streamlit.testing.v1 import AppTest
app = AppTest.from_file({str(installed / "unet" / "_app" / "streamlit_app.py")!r}, default_timeout=60).run()
assert not app.exception, app.exception
import unet, studio
print(unet.__file__, studio.__file__)
"""
    environment = {**os.environ, "PYTHONPATH": str(installed), "UNET_HOME": str(tmp_path / "home")}
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(str(installed)) == 2


def test_what_was_tried_is_what_the_package_asks_for():
    """Every pinned version lies within the range that the package allows, and each has the other."""
    lines = (PROJECT / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pinned = {
        match[1]: match[2] for line in lines if (match := re.match(r"([\w.-]+)==([\w.]+)", line.partition("#")[0]))
    }
    optional = PYPROJECT["optional-dependencies"]
    wanted = [Requirement(each) for each in (*PYPROJECT["dependencies"], *optional["train"])]
    assert {each.name for each in wanted} == set(pinned)
    assert [str(each) for each in wanted if not each.specifier.contains(pinned[each.name])] == []
