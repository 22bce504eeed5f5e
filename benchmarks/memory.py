"""What memory the app's server takes: with a page open, with a model, and during a visit with many images.

    python -m benchmarks.memory [--images 20] [--side 1024]

The resident memory of the server's process, in MB, after each step in a real Chromium, and the greatest of them all.
"""

from __future__ import annotations

import argparse
import os
import platform
import tempfile
from pathlib import Path

import psutil
from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.driver import App, click, idle, launch_browser, open_page, running_app, upload
from unet.datasets.synthetic.nuclei import generate_nuclei

NUCLEI = 300 / 1024**2  # a pixel


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--side", type=int, default=1024, help="height and width")
    flags = parser.parse_args()
    print(f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; MB")
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder) / "home") as app,
        sync_playwright() as playwright,
        launch_browser(playwright) as browser,
    ):
        paths = []
        for number in range(flags.images):
            paths.append(Path(folder) / f"{number:02d}.png")
            side = flags.side
            image = generate_nuclei(number, (side, side), nuclei=round(NUCLEI * side**2))[0]
            Image.fromarray(image).save(paths[-1])
        page = browser.new_page(viewport={"width": 1280, "height": 1700})
        open_page(page, f"{app.url}/predict")
        report("the page open", app)
        upload(page, paths[:1], "Images to predict", timeout=120_000)
        settled(page)
        report("one image predicted", app)
        click(page, "1 image")
        upload(page, paths, "Images to predict", timeout=600_000)
        settled(page)
        report(f"{flags.images} images predicted", app)
        for _ in paths[1:]:
            click(page, "Next")
            settled(page)
            page.locator("input.slider").press("ArrowLeft")
            settled(page)
        report("each looked at, its threshold moved", app)
        page.get_by_role("tab", name=f"All {flags.images} images").click()
        click(page, "Count them")
        expect(page.get_by_text("nuclei in all")).to_be_visible(timeout=120_000)
        report("all counted in the table", app)
        click(page, "Export", exact=True)
        with page.expect_download(timeout=600_000):
            page.get_by_role("button", name="All formats of all").click()
        report("everything exported", app)


def settled(page: Page) -> None:
    expect(page.locator(".viewer .waiting")).to_be_hidden(timeout=120_000)
    expect(page.locator(".threshold.updating")).to_have_count(0)
    idle(page)


def report(step: str, app: App) -> None:
    process = psutil.Process(app.pid)
    status = Path(f"/proc/{process.pid}/status").read_text() if Path("/proc").exists() else ""
    peak = next((int(line.split()[1]) / 1024 for line in status.splitlines() if line.startswith("VmHWM")), 0)
    print(f"  {step:40} {process.memory_info().rss / 2**20:6.0f}   most so far {peak:6.0f}", flush=True)


if __name__ == "__main__":
    main()
