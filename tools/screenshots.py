"""Take the README's pictures from the running app: ``make screenshots``.

It does what a newcomer does: press both buttons of the home page, move the threshold, watch the training.
"""

from __future__ import annotations

import math
import sys
import tempfile
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, expect, sync_playwright

from tests.browser.driver import PROJECT, App, click, idle, launch_browser, move_slider, open_page, running_app
from tests.browser.picture import Picture, show

PICTURES = PROJECT / "docs" / "images"
SIZE = {"width": 1280, "height": 1200}
MINUTE = 60_000  # milliseconds


def main() -> int:
    """Write every picture and say where it is."""
    with (
        tempfile.TemporaryDirectory() as folder,
        running_app(Path(folder)) as app,
        sync_playwright() as playwright,
        launch_browser(playwright) as browser,
    ):
        page = browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce")
        open_page(page, app.url)
        take(page, "home")
        click(page, "Try a prediction")
        expect(page.get_by_role("slider", name="Threshold")).to_be_attached(timeout=MINUTE)
        page.set_viewport_size({**SIZE, "height": 1720})
        move_slider(page, "Threshold", -10)
        expect(page.locator(".threshold.updating")).to_have_count(0)
        take(page, "predict")
        take_correcting(page, app)
        page.set_viewport_size(SIZE)
        open_page(page, app.url)
        click(page, "Train on a sample dataset")
        expect(page.get_by_text("Epoch 9 of")).to_be_visible(timeout=10 * MINUTE)
        take(page, "train")
        expect(page.get_by_role("button", name="Train again")).to_be_visible(timeout=10 * MINUTE)
        page.set_viewport_size({**SIZE, "height": 1900})
        open_page(page, f"{app.url}/evaluate")
        page.get_by_test_id("stMain").get_by_role("button", name="Evaluate").click()
        expect(page.get_by_text("Images, the worst first")).to_be_visible(timeout=5 * MINUTE)
        take(page, "evaluate")
        page.set_viewport_size({**SIZE, "height": 1000})
        open_page(page, f"{app.url}/inside?model=nuclei&at=down2b_relu~0~20~20~layer")
        page.locator(".map").first.wait_for(timeout=MINUTE)
        take(page, "inside")
    return 0


def take_correcting(page: Page, app: App) -> None:
    """Draw two nuclei anew that the model saw half of, and a region around others, in Edit mode."""
    page.set_viewport_size({**SIZE, "height": 1150})
    show(page, app)
    page.get_by_role("button", name="Edit", exact=True).click()
    picture = Picture(page, app)
    picture.tool("Delete")
    picture.drag((100, 50), (105, 52))
    picture.drag((143, 76), (145, 78))
    picture.tool("Draw")
    for x, y, wide, high, turn in ((104, 37, 23, 36, -0.1), (132, 72, 20, 16, 0.5)):
        angles = [2 * math.pi * step / 24 for step in range(24)]
        turned = [(wide * math.cos(a), high * math.sin(a)) for a in angles]
        cos, sin = math.cos(turn), math.sin(turn)
        picture.drag(*((x + a * cos - b * sin, y + a * sin + b * cos) for a, b in turned))
    picture.tool("Region: box")
    picture.drag((196, 60), (312, 192))
    take(page, "correct")


def take(page: Page, name: str) -> None:
    """Write what the window shows as a small PNG: screenshots have few colours, a palette holds them."""
    idle(page)
    page.mouse.move(0, 0)
    PICTURES.mkdir(parents=True, exist_ok=True)
    path = PICTURES / f"{name}.png"
    page.screenshot(path=path, animations="disabled")
    with Image.open(path) as picture:
        small = picture.convert("RGB").quantize(256, dither=Image.Dither.NONE)
    small.save(path, optimize=True)
    print(f"{path.relative_to(PROJECT)}  {path.stat().st_size // 1024} KB")


if __name__ == "__main__":
    sys.exit(main())
