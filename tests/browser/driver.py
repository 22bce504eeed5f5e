"""Driving the running app with a real browser: what the browser tests and tools/screenshots.py share."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
from playwright.sync_api import Browser, Locator, Page, Playwright, expect

from tests.processes import end_processes_of, processes_of

PROJECT = Path(__file__).resolve().parents[2]
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
# Two busy cores, a trainer beside the app: a wait that is too long costs nothing when all is well.
PATIENCE = 60_000  # milliseconds


class App:
    """The app on a free port, with everything that it keeps in a folder of its own.

    Attributes
    ----------
    url : str
        Its address, without a slash at the end.
    home : Path
        What it has as ``UNET_HOME``.
    log : Path
        What the server printed.
    """

    def __init__(self, folder: Path, **environment: str):
        self.home = folder / "workspace"
        self.log = folder / "server.log"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("UNET_", "STREAMLIT_"))},
            "UNET_HOME": str(self.home),
            "HOME": str(folder / "user"),  # no settings or secrets of whoever runs the tests
            "TF_CPP_MIN_LOG_LEVEL": "2",
            "UNET_LOCAL_FOLDERS": "on",  # as with make run
            **environment,
        }
        (folder / "user").mkdir(parents=True, exist_ok=True)
        self._process: subprocess.Popen | None = None

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "streamlit_app.py"]
        options = {
            "server.port": self.port,
            "server.address": "127.0.0.1",
            "server.headless": "true",
            "server.fileWatcherType": "none",
            "browser.gatherUsageStats": "false",
        }
        with self.log.open("ab") as output:
            self._process = subprocess.Popen(
                [*command, *(part for name, value in options.items() for part in (f"--{name}", str(value)))],
                cwd=PROJECT,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self._process.poll() is None:
            with suppress(OSError), urllib.request.urlopen(f"{self.url}/_stcore/health", timeout=2):
                return
            time.sleep(0.1)
        raise RuntimeError(f"The app did not start; it printed:\n{self.log.read_text()[-4000:]}")

    @property
    def pid(self) -> int | None:
        """The server's process."""
        return self._process.pid if self._process else None

    def stop(self) -> None:
        """Stop the server; a training goes on, as it does when a person closes the terminal."""
        if self._process and self._process.poll() is None:
            _kill_group(self._process.pid, signal.SIGTERM)
            try:
                self._process.wait(10)
            except subprocess.TimeoutExpired:
                _kill_group(self._process.pid, signal.SIGKILL)
                self._process.wait(10)

    def restart(self) -> None:
        """Stop the server and start it again at the same address, over the same folder."""
        self.stop()
        self.start()

    def trainers(self) -> list[psutil.Process]:
        """Return the processes that work for this app's folder, the server aside."""
        server = self._process.pid if self._process else None
        return [process for process in processes_of(self.home) if process.pid != server]

    def close(self) -> None:
        """Stop the server and whatever it started."""
        self.stop()
        end_processes_of(self.home)


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def find_chromium() -> str | None:
    """Return the path of Chromium or Chrome: ``CHROMIUM`` if set, else the first on the PATH, else None."""
    named = os.environ.get("CHROMIUM")
    return named or next(filter(None, map(shutil.which, CHROMIUM_NAMES)), None)


def launch_browser(playwright: Playwright) -> Browser:
    """Start a headless Chromium that makes no requests of its own."""
    arguments = [
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--no-first-run",
    ]
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        arguments.append("--no-sandbox")  # Chromium's sandbox does not work for root
    return playwright.chromium.launch(executable_path=find_chromium(), args=arguments)


def open_page(page: Page, address: str) -> None:
    """Go to an address of the app and wait until it has been drawn."""
    page.goto(address)
    idle(page)


def idle(page: Page, timeout: float = PATIENCE) -> None:
    """Wait until Streamlit has run the script and drawn all of it; fail if the page shows an exception."""
    page.locator('[data-testid="stApp"][data-test-connection-state="CONNECTED"]').wait_for(timeout=timeout)
    deadline = time.monotonic() + timeout / 1000
    quiet = 0
    while quiet < 3:  # a click is only sent, and a rerun only begins, some milliseconds later
        page.wait_for_timeout(100)
        quiet = quiet + 1 if page.evaluate(_IS_IDLE) else 0
        if time.monotonic() > deadline:
            raise TimeoutError(f"The page was still busy after {timeout / 1000:.0f} seconds.")
    assert not exceptions(page), exceptions(page)


_IS_IDLE = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    return app !== null
        && ['notRunning', 'compilationError'].includes(app.dataset.testScriptState)
        && document.querySelector('[data-stale="true"], [data-testid="stSkeleton"]') === null
        && document.querySelector('[data-testid="stFileChipIconSpinner"]') === null;
}"""


def exceptions(page: Page) -> list[str]:
    """Return the text of every exception box that the page shows."""
    return page.locator('[data-testid="stException"]').all_inner_texts()


def click(page: Page, name: str, *, role: str = "button", exact: bool = False) -> None:
    """Click the button (or link, tab …) of that name and wait for what follows."""
    page.get_by_role(role, name=name, exact=exact).first.click(timeout=PATIENCE)
    idle(page)


def upload(page: Page, paths: Path | Iterable[Path], label: str | None = None, timeout: float = PATIENCE) -> None:
    """Give files (or one folder, where the widget takes folders) to the ``st.file_uploader`` of that label."""
    widget = page.locator('[data-testid="stFileUploader"]').filter(has_text=label or "").first
    chosen = [str(path) for path in ([paths] if isinstance(paths, (str, Path)) else paths)]
    widget.locator('input[type="file"]').set_input_files(chosen, timeout=timeout)
    idle(page, timeout)


def slider(page: Page, label: str) -> Locator:
    """Return the handle of the ``st.slider`` of that label."""
    return page.get_by_role("slider", name=label).first


def slider_value(page: Page, label: str) -> float:
    """Return where the ``st.slider`` of that label stands."""
    return float(slider(page, label).input_value())


def move_slider(page: Page, label: str, steps: int) -> float:
    """Move an ``st.slider`` by so many of its steps with the arrow keys, and return where it then stands."""
    handle = slider(page, label)
    handle.focus()
    before = slider_value(page, label)
    for _ in range(abs(steps)):
        handle.press("ArrowRight" if steps > 0 else "ArrowLeft")
    idle(page)
    after = slider_value(page, label)
    assert after != before, f"The slider “{label}” stayed at {before}."
    return after


def pixels(locator: Locator) -> bytes:
    """Return how an element looks, as a PNG: two equal pictures give equal bytes."""
    locator.scroll_into_view_if_needed(timeout=PATIENCE)
    return locator.screenshot(animations="disabled", timeout=PATIENCE)


@contextmanager
def running_app(folder: Path, **environment: str) -> Iterator[App]:
    """Run the app until the block ends."""
    app = App(folder, **environment)
    try:
        app.start()
        yield app
    finally:
        app.close()


def _kill_group(pid: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(pid, number)


expect.set_options(timeout=PATIENCE)
