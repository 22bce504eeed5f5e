"""How quickly the viewer answers: each move of the threshold painted, and its release followed by the table.

    python -m benchmarks.viewer [--moves 100] [--releases 20] [--sides 512 1024 2048]

The app runs on a port of its own, a headless Chromium drags the slider, and the default model finds drawn nuclei. Each
image is drawn by both painters: by itself the viewer takes a graphics card where there is a real one, and draws without
where a program stands in for it, as in most headless browsers. A move is timed in the page: from the slider's input
event until the frame after it is rendered and a pixel of the canvas has been read back, which waits for whatever draws
it. The same slider over an empty canvas of that size, in the same browser, is what nothing at all would take. During a
drag nothing may be sent to the server: a websocket frame makes the benchmark fail. A release is timed from the slider's
change event until the page is at rest: the new objects in the viewer, and in table and figures.

All of it needs the processor where there is no graphics card: the load says whether others were using it too.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from pathlib import Path

import numpy as np
from PIL import Image
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.browser.driver import App, idle, launch_browser, open_page, running_app, upload
from unet.datasets.synthetic.nuclei import generate_nuclei

WINDOW = {"width": 1280, "height": 1700}  # high enough that the table is seen
NUCLEI = 300 / 1024**2  # a pixel
RELEASED_AT = 1024
# Of the thresholds that are released at: so close that the objects are much the same, and none is asked for twice.
LOWEST, STEP = 0.20, 0.01

# What is drawn when nothing is: the viewer's slider and canvas, and a frame that only clears.
EMPTY = """
<div class="viewer">
  <input class="slider" type="range" min="0" max="1" step="0.01" style="width: 700px">
  <canvas class="picture" width="{width}" height="{height}"></canvas>
</div>
<script>
  const canvas = document.querySelector("canvas");
  const context = canvas.getContext("{kind}", {{ antialias: false, alpha: false, preserveDrawingBuffer: true }});
  const clear = () => context.clearRect ? context.clearRect(0, 0, canvas.width, canvas.height) : context.clear(16384);
  document.querySelector("input").addEventListener("input", () => requestAnimationFrame(clear));
</script>
"""

# The recorder's listener comes first, so its frame callback runs before the one that paints; the message that it sends
# is received after that frame. Reading a pixel back waits until the canvas has been drawn.
RECORD = """(slider) => {
    const canvas = slider.closest(".viewer").querySelector("canvas.picture");
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
    slider.addEventListener("input", () => {
        const started = performance.now();
        requestAnimationFrame(() => channel.port2.postMessage(started));
    }, { capture: true });
}"""

# At rest: the viewer has the objects of this threshold, and the page has drawn table and figures.
AWAIT_REST = """(slider) => {
    const viewer = slider.closest(".viewer");
    const app = document.querySelector('[data-testid="stApp"]');
    window.answered = new Promise((resolve) => slider.addEventListener("change", () => {
        const started = performance.now();
        let quiet = 0;
        const look = () => {
            const busy = viewer.querySelector(".threshold.updating") || app.dataset.testScriptState === "running";
            quiet = busy ? 0 : quiet + 1;
            quiet < 2 ? requestAnimationFrame(look) : resolve(performance.now() - started);
        };
        requestAnimationFrame(look);
    }, { once: true }));
}"""

PAINTER = """(canvas) => {
    const card = canvas.getContext("webgl2");
    if (!card) return ["2d", "without the graphics card"];
    const names = card.getExtension("WEBGL_debug_renderer_info");
    return ["webgl2", `WebGL 2, ${card.getParameter(names ? names.UNMASKED_RENDERER_WEBGL : card.RENDERER)}`];
}"""

FRAMES = """(count) => new Promise((resolve) => {
    const times = [];
    const next = (time) => {
        times.push(time);
        clear();
        times.length > count ? resolve(times) : requestAnimationFrame(next);
    };
    requestAnimationFrame(next);
})"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--moves", type=int, default=100, help="of the slider, for each image (%(default)s)")
    parser.add_argument("--releases", type=int, default=20, help="at as many thresholds (%(default)s)")
    parser.add_argument(
        "--sides", type=int, nargs="+", default=[512, 1024, 2048], help="height and width of the images"
    )
    flags = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as app,
        sync_playwright() as playwright,
        launch_browser(playwright) as browser,
    ):
        print(f"{platform.machine()}, {os.cpu_count()} cores, Chromium {browser.version}; milliseconds", flush=True)
        print(f"load before: {load()}", flush=True)
        sent = 0
        addresses = {side: open_image(browser, app, Path(folder), side) for side in flags.sides}
        for painter in ("card", "plain"):
            for side, address in addresses.items():
                sent += measure_moves(browser, f"{address}&painter={painter}", side, flags.moves)
        measure_releases(browser, open_image(browser, app, Path(folder), RELEASED_AT), flags.releases)
        print(f"load after: {load()}")
    if sent:
        print(f"{sent} websocket frames were sent to the server during the drags; there must be none.")
    return 1 if sent else 0


def open_image(browser: Browser, app: App, folder: Path, side: int) -> str:
    """Upload an image of drawn nuclei and wait until it is predicted; return the address of its results."""
    path = folder / f"nuclei-{side}.png"
    Image.fromarray(generate_nuclei(1, (side, side), nuclei=round(NUCLEI * side**2))[0]).save(path)
    with browser.new_page(viewport=WINDOW) as page:
        open_page(page, f"{app.url}/predict")
        upload(page, path, "Images to predict")
        expect(page.locator(".viewer .waiting")).to_be_hidden()
        return page.url


# ---- while the slider is dragged -------------------------------------------------------------------------------


def measure_moves(browser: Browser, address: str, side: int, moves: int) -> int:
    """Print what a move takes, beside an empty canvas; return how many websocket frames were sent meanwhile."""
    with browser.new_page(viewport=WINDOW) as page:
        sent = count_sent(page)
        open_results(page, address)
        picture = page.locator("canvas.picture")
        kind, painter = picture.evaluate(PAINTER)
        size = picture.evaluate("(canvas) => ({ width: canvas.width, height: canvas.height })")
        before = len(sent)
        painted = drag(page, moves)
        frames_sent = len(sent) - before
    with browser.new_page(viewport=WINDOW) as page:
        page.set_content(EMPTY.format(kind=kind, **size))
        nothing = drag(page, moves)
        frames = np.diff(page.evaluate(FRAMES, moves))
    print(
        f"{side:5} x {side:<5} painted {spread(painted)} | empty canvas {spread(nothing)}, "
        f"a frame every {spread(frames)} | "
        f"{frames_sent} sent | {size['width']} x {size['height']} {painter}",
        flush=True,
    )
    return frames_sent


def count_sent(page: Page) -> list:
    """Return a list that grows with each websocket frame that the page sends to the server."""
    sent: list = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda content: sent.append(content)))
    return sent


def drag(page: Page, moves: int) -> list[float]:
    """Drag the slider from end to end and back, one move after the other; return what each took."""
    slider = page.locator("input.slider")
    slider.evaluate(RECORD)
    left, width, middle = track(slider)
    page.mouse.move(left, middle)
    page.mouse.down()
    page.wait_for_timeout(500)
    page.evaluate("window.painted.length = 0")
    for move in range(1, moves + 1):
        there = move % 200
        page.mouse.move(left + width * min(there, 200 - there) / 100, middle)
        page.wait_for_function("(count) => window.painted.length >= count", arg=move, polling=5)
    page.wait_for_timeout(500)
    painted = page.evaluate("window.painted")
    assert len(painted) == moves, f"{len(painted)} frames were painted for {moves} moves."
    return painted


def track(slider: Locator) -> tuple[float, float, float]:
    """Return where the knob's middle goes, on the screen: its leftmost place, how far to the right, how far down."""
    box, knob = slider.bounding_box(), 20
    return box["x"] + knob / 2, box["width"] - knob, box["y"] + box["height"] / 2


# ---- when it is released ---------------------------------------------------------------------------------------


def measure_releases(browser: Browser, address: str, releases: int) -> None:
    """Print what it takes from a release until the table shows the objects of a threshold never asked for before."""
    with browser.new_page(viewport=WINDOW) as page:
        open_results(page, address)
        slider = page.locator("input.slider")
        answered, counts = [], []
        for release in range(releases):
            slider.evaluate(AWAIT_REST)
            left, width, middle = track(slider)
            page.mouse.move(left + width * 0.9, middle)
            page.mouse.down()
            page.mouse.move(left + width * (LOWEST + STEP * release), middle, steps=3)
            page.mouse.up()
            answered.append(page.evaluate("window.answered"))
            idle(page)
            counts.append(int(page.get_by_test_id("stMetricValue").first.inner_text().replace(",", "")))
    print(
        f"{RELEASED_AT:5} x {RELEASED_AT:<5} from release to table {spread(answered)}, the slowest "
        f"{max(answered):.0f}; {releases} thresholds, {min(counts)} to {max(counts)} nuclei"
    )


def open_results(page: Page, address: str) -> None:
    """Open a link to results, and wait until the viewer shows them."""
    open_page(page, address)
    expect(page.locator(".viewer .waiting")).to_be_hidden()
    idle(page)


def load() -> str:
    """Return how many processes wanted to run in the last minute, five and fifteen."""
    return ", ".join(f"{value:.1f}" for value in os.getloadavg())


def spread(values: list[float] | np.ndarray) -> str:
    """Return the median and the 95th percentile, in words."""
    return f"{np.median(values):.1f} (95 %: {np.percentile(values, 95):.1f})"


if __name__ == "__main__":
    sys.exit(main())
