"""How quickly a correction is seen, from the key to the painted frame, and what editing holds in memory.

    python -m benchmarks.editing [--side 2048] [--times 20]

A headless Chromium corrects an image of drawn nuclei (1,200 at 2048 x 2048), as the default model finds them: Delete
on the chosen nucleus, and Ctrl+Z. A key is timed in the page, from its event until the frame after it is rendered and a
pixel of the canvas has been read back; what the server needs afterwards, to keep the step and to measure all nuclei
again, is timed beside it. Memory is that of the browser's processes, before the editing and after it.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import psutil
from playwright.sync_api import Page, expect, sync_playwright

from benchmarks.viewer import WINDOW, load, open_image, open_results, spread
from tests.browser.driver import idle, launch_browser, running_app

# As in benchmarks/viewer.py: this listener's frame comes before the one that paints, and its message after that.
RECORD = """(canvas) => {
    const card = canvas.getContext("webgl2");
    const wait = card
        ? () => card.readPixels(0, 0, 1, 1, card.RGBA, card.UNSIGNED_BYTE, new Uint8Array(4))
        : () => canvas.getContext("2d").getImageData(0, 0, 1, 1);
    const painted = (window.painted = []);
    const channel = new MessageChannel();
    channel.port1.onmessage = ({ data }) => {
        wait();
        painted.push(performance.now() - data);
    };
    window.addEventListener("keydown", ({ key }) => {
        if (key === "Control") return;
        const started = performance.now();
        requestAnimationFrame(() => channel.port2.postMessage(started));
    }, { capture: true });
}"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--side", type=int, default=2048, help="height and width of the image (%(default)s)")
    parser.add_argument(
        "--times", type=int, default=20, help="that a nucleus is deleted and brought back (%(default)s)"
    )
    flags = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as app,
        sync_playwright() as playwright,
        launch_browser(playwright) as browser,
    ):
        print(f"load before: {load()}", flush=True)
        address = open_image(browser, app, Path(folder), flags.side)
        with browser.new_page(viewport=WINDOW) as page:
            open_results(page, address)
            count = page.get_by_test_id("stMetricValue").first.inner_text()
            before = megabytes()
            page.get_by_role("button", name="Edit", exact=True).click()
            choose_a_nucleus(page)
            page.locator("canvas.picture").evaluate(RECORD)
            answers = [press(page, key) for _ in range(flags.times) for key in ("Delete", "Control+z")]
            painted = page.evaluate("window.painted")
            print(
                f"{flags.side} x {flags.side}, {count} nuclei: from key to painted frame {spread(painted)} ms; until "
                f"kept and measured again {spread(answers)} ms; browser {before:.0f} MB before, {megabytes():.0f} after"
            )
        print(f"load after: {load()}")
    return 0


def choose_a_nucleus(page: Page) -> None:
    """Choose the first nucleus, as the key N does, and bring the picture into focus."""
    page.locator("canvas.picture").focus()
    page.keyboard.press("n")
    idle(page)
    page.locator("canvas.picture").focus()


def press(page: Page, key: str) -> float:
    """Press a key and wait until the server has kept what it did; return what that took, in milliseconds."""
    started = time.perf_counter()
    page.keyboard.press(key)
    expect(page.locator(".edit[aria-busy=true]")).to_have_count(0)
    passed = 1000 * (time.perf_counter() - started)
    idle(page)
    return passed


def megabytes() -> float:
    """Return what the browser's processes hold: ours, since they were started here."""
    processes = psutil.Process().children(recursive=True)
    return sum(each.memory_info().rss for each in processes if "chrom" in each.name()) / 1e6


if __name__ == "__main__":
    sys.exit(main())
