"""The picture of the viewer, as tests of edit mode drive it."""

from __future__ import annotations

import json

import numpy as np
import tifffile
from playwright.sync_api import Page, expect
from scipy import ndimage

from tests.browser.driver import PATIENCE, App, click, idle, open_page

HEIGHT, WIDTH = 256, 320  # of the sample, in pixels


class Picture:
    """The picture on the page, by pixels of the image."""

    def __init__(self, page: Page, app: App, size: tuple[int, int] = (HEIGHT, WIDTH)):
        self.page, self.app, self.size = page, app, size

    def at(self, x: float, y: float) -> tuple[float, float]:
        """Return where a place lies on the page, while all of the image is seen."""
        box = self.page.locator(".picture").bounding_box()
        height, width = self.size
        scale = min(box["width"] / width, box["height"] / height)
        left, top = (box["width"] - scale * width) / 2, (box["height"] - scale * height) / 2
        return box["x"] + left + scale * x, box["y"] + top + scale * y

    def drag(self, *points: tuple[float, float]) -> None:
        self.page.mouse.move(*self.at(*points[0]))
        self.page.mouse.down()
        for point in points[1:]:
            self.page.mouse.move(*self.at(*point), steps=4)
        self.page.mouse.up()
        self.settle()

    def tool(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def settle(self) -> None:
        """Wait until the server has kept or refused every step, and the page is at rest."""
        expect(self.page.locator(".edit[aria-busy=true]")).to_have_count(0)
        idle(self.page)

    def labels(self) -> np.ndarray:
        """Return the label map that Python exports."""
        click(self.page, "Export", exact=True)
        with self.page.expect_download(timeout=PATIENCE) as download:
            self.page.get_by_role("button", name="Label map (TIFF)").click()
        labels = tifffile.imread(download.value.path())
        self.page.keyboard.press("Escape")
        self.page.locator(".picture").scroll_into_view_if_needed()
        self.settle()
        return labels.astype(np.uint32)

    def kept(self) -> list[dict]:
        """Return the steps on disk, without the first line of their file."""
        files = [*(self.app.home / "corrections").rglob("*.jsonl")]
        files.sort(key=lambda path: path.stat().st_mtime_ns)
        return [json.loads(line) for line in files[-1].read_text().splitlines()[1:]] if files else []


def show(page: Page, app: App, query: str = "") -> None:
    open_page(page, f"{app.url}/predict?samples=1&model=nuclei&image=touching.png{query}")
    expect(page.locator(".waiting")).to_be_hidden()
    idle(page)


def free_square(labels: np.ndarray, side: int) -> tuple[int, int]:
    """Return x and y of a square without nuclei."""
    for y in range(8, HEIGHT - side - 8, 4):
        for x in range(8, WIDTH - side - 8, 4):
            if not labels[y - 2 : y + side + 2, x - 2 : x + side + 2].any():
                return x, y
    raise AssertionError("The sample has no room.")


def middle(labels: np.ndarray, number: int) -> tuple[float, float]:
    """Return a point inside a nucleus, as far from its rim as can be."""
    y, x = np.unravel_index(ndimage.distance_transform_edt(labels == number).argmax(), labels.shape)
    return x + 0.5, y + 0.5


def largest(labels: np.ndarray) -> list[int]:
    return np.argsort(-np.bincount(labels.ravel())[1:]).tolist()
