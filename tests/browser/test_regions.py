"""Regions, positive nuclei, fingers and large images in edit mode: what a pointer does, and what the server keeps."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Browser, Page, expect

from tests.browser.driver import App, idle, open_page, upload
from tests.browser.picture import HEIGHT, WIDTH, Picture, largest, middle, show
from unet.corrections.operation import Operation
from unet.corrections.operations import Nuclei, replay
from unet.datasets.synthetic.nuclei import generate_nuclei


@pytest.fixture
def picture(app: App, page: Page) -> Picture:
    """The sample with touching nuclei, in edit mode, with nothing corrected and no regions."""
    for path in (app.home / "corrections").rglob("*.jsonl"):
        path.unlink()
    page.set_viewport_size({"width": 1280, "height": 1300})
    show(page, app)
    page.get_by_role("button", name="Edit", exact=True).click()
    return Picture(page, app)


def regions(app: App) -> list[list[list[float]]]:
    """Return the corners of the regions on disk, in the order they were drawn."""
    files = list((app.home / "corrections" / "regions").glob("*.jsonl"))
    lines = [json.loads(line) for file in files for line in file.read_text().splitlines()[1:]]
    return [line["points"] for line in lines if line["do"] == "add"]


def test_regions_are_drawn_counted_named_and_survive_a_reload(picture):
    page = picture.page
    picture.tool("Region: box")
    picture.drag((20, 30), (120, 150))
    expect(page.get_by_role("textbox", name="Name of Region 1")).to_be_visible()
    picture.tool("Polygon")
    for point in ((180, 30), (280, 40), (300, 160), (180, 30)):  # the first once more closes it
        page.mouse.click(*picture.at(*point))
    expect(page.get_by_role("textbox", name="Name of Region 2")).to_be_visible()
    picture.tool("Freehand")
    picture.drag((40, 180), (140, 180), (140, 240), (40, 240))
    expect(page.get_by_role("textbox", name="Name of Region 3")).to_be_visible()
    drawn = regions(picture.app)
    assert [len(points) for points in drawn[:2]] == [4, 3]
    np.testing.assert_allclose(drawn[0], [[20, 30], [120, 30], [120, 150], [20, 150]], atol=0.6)
    np.testing.assert_allclose(drawn[1], [[180, 30], [280, 40], [300, 160]], atol=0.6)
    outside = np.array(drawn[2])
    np.testing.assert_allclose([outside.min(axis=0), outside.max(axis=0)], [[40, 180], [140, 240]], atol=0.6)

    name = page.get_by_role("textbox", name="Name of Region 1")
    name.fill("tumour")
    name.press("Enter")
    idle(page)
    page.reload()
    expect(page.locator(".waiting")).to_be_hidden()
    idle(page)
    expect(page.get_by_role("textbox", name="Name of tumour")).to_be_visible()
    before = page.locator(".sketch").evaluate("canvas => canvas.toDataURL()")
    page.get_by_role("button", name="Remove").first.click()
    expect(page.get_by_role("textbox", name="Name of tumour")).to_have_count(0)
    idle(page)
    assert page.locator(".sketch").evaluate("canvas => canvas.toDataURL()") != before


def test_an_open_polygon_is_taken_back_corner_by_corner_and_closed_by_a_key(picture):
    page = picture.page
    picture.tool("Polygon")
    for point in ((20, 20), (100, 20), (200, 200)):
        page.mouse.click(*picture.at(*point))
    page.locator(".picture").focus()
    page.keyboard.press("Backspace")
    page.mouse.click(*picture.at(100, 120))
    page.locator(".picture").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("textbox", name="Name of Region 1")).to_be_visible()
    np.testing.assert_allclose(regions(picture.app)[0], [[20, 20], [100, 20], [100, 120]], atol=0.6)


def test_what_lies_outside_of_regions_is_left_out_of_what_is_exported(picture):
    page = picture.page
    first = picture.labels()
    picture.tool("Region: box")
    picture.drag((10, 10), (160, 250))
    page.get_by_text("Ignore nuclei outside of the region").click()
    idle(page)
    kept = picture.labels()
    rows, columns = np.indices(first.shape)
    for number in range(1, first.max() + 1):
        x, y = columns[first == number].mean() + 0.5, rows[first == number].mean() + 0.5
        if min(abs(x - 10), abs(x - 160), abs(y - 10), abs(y - 250)) > 1:
            assert (kept == number).any() == (10 < x < 160 and 10 < y < 250), number
    assert "keep=regions" in page.url


def test_the_level_of_positive_nuclei_is_followed_at_every_frame_and_tells_the_server_nothing(app, page):
    sent = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda content: sent.append(content)))
    page.set_viewport_size({"width": 1280, "height": 1300})
    show(page, app, "&positive=1")
    level = page.get_by_role("slider", name="Level of positive nuclei")
    share = page.locator(".marker .share")
    expect(share).to_contain_text("nuclei are positive")
    before, words = page.locator(".picture").evaluate("canvas => canvas.toDataURL()"), share.inner_text()
    page.wait_for_timeout(500)
    sent.clear()
    level.evaluate("(slider) => { slider.value = slider.max; slider.dispatchEvent(new Event('input')); }")
    expect(share).to_contain_text("0.0% of")
    page.wait_for_timeout(300)
    assert page.locator(".picture").evaluate("canvas => canvas.toDataURL()") != before
    assert share.inner_text() != words
    assert sent == []
    level.evaluate("(slider) => slider.dispatchEvent(new Event('change'))")
    idle(page)
    positive = page.get_by_test_id("stMetric").filter(has_text="Positive").get_by_test_id("stMetricValue")
    expect(positive).to_have_text("0.0%")
    assert "positive=1" in page.url


def drawn(page: Page) -> str:
    page.wait_for_timeout(300)  # some frames
    picture: str = page.locator(".picture").evaluate("canvas => canvas.toDataURL()")
    return picture


def inner_nucleus(labels: np.ndarray) -> tuple[int, int, int]:
    """Return the largest nucleus that lies well inside the image, and its first and last column."""
    for number in largest(labels):
        rows, columns = np.nonzero(labels == number + 1)
        if min(rows.min(), columns.min()) > 8 and rows.max() < HEIGHT - 8 and columns.max() < WIDTH - 8:
            return number + 1, int(columns.min()), int(columns.max())
    raise AssertionError("The sample has no such nucleus.")


def test_split_and_smooth_are_seen_before_the_server_answers(picture):
    """The browser's labels and Python's agree: nothing moves when the answer comes."""
    page = picture.page
    first = picture.labels()
    number, left, right = inner_nucleus(first)
    x, y = middle(first, number)
    page.mouse.click(*picture.at(x, y))
    picture.settle()
    os.kill(picture.app.pid, signal.SIGSTOP)  # what is seen now was not worked out elsewhere
    try:
        still = drawn(page)
        picture.tool("Split")
        page.mouse.move(*picture.at(left - 4, y + 0.3))
        page.mouse.down()
        page.mouse.move(*picture.at(right + 4, y + 0.3), steps=5)
        page.mouse.up()
        expect(page.locator(".help")).to_have_text("Split: 1 more nucleus.")
        split = drawn(page)
        picture.tool("Smooth")
        expect(page.locator(".help")).to_have_text(f"Nucleus {number} smoothed.")
        smooth = drawn(page)
        assert len({still, split, smooth}) == 3
    finally:
        os.kill(picture.app.pid, signal.SIGCONT)
    picture.settle()
    assert drawn(page) == smooth
    steps = [Operation.from_dict(step["operation"]) for step in picture.kept()]
    np.testing.assert_array_equal(picture.labels(), replay(Nuclei.of(first), steps).labels)


def test_an_image_is_annotated_from_nothing_and_undo_brings_the_nuclei_back(picture):
    page = picture.page
    first = picture.labels()
    page.get_by_role("button", name="Start with no nuclei").click()
    picture.settle()
    picture.tool("Draw")
    picture.drag((20.3, 20.3), (39.7, 20.3), (39.7, 39.7), (20.3, 39.7))
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[20:40, 20:40] = True
    np.testing.assert_array_equal(picture.labels() > 0, expected)
    expect(page.get_by_text("2 corrections: 1 added, 1 started with no nuclei")).to_be_visible()
    for _ in range(2):
        page.get_by_role("button", name="Undo").click()
    picture.settle()
    np.testing.assert_array_equal(picture.labels(), first)


# ---- fingers ---------------------------------------------------------------------------------------------------


@pytest.fixture
def tablet(app: App, browser: Browser) -> Iterator[Picture]:
    for path in (app.home / "corrections").rglob("*.jsonl"):
        path.unlink()
    with browser.new_context(has_touch=True, viewport={"width": 900, "height": 1300}) as context:
        page = context.new_page()
        show(page, app)
        page.get_by_role("button", name="Edit", exact=True).tap()
        yield Picture(page, app)


class Fingers:
    """Fingers on a page: where each of them is, until all are lifted."""

    def __init__(self, page: Page):
        self._session = page.context.new_cdp_session(page)

    def down(self, *points: tuple[float, float]) -> None:
        self._send("touchStart", points)

    def move(self, *points: tuple[float, float]) -> None:
        self._send("touchMove", points)

    def lift(self) -> None:
        self._send("touchEnd", ())

    def _send(self, kind: str, points: tuple[tuple[float, float], ...]) -> None:
        places = [{"x": x, "y": y, "id": index} for index, (x, y) in enumerate(points)]
        self._session.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": places})


def test_one_finger_draws_and_two_move_and_zoom(tablet):
    page = tablet.page
    page.get_by_role("button", name="Draw", exact=True).tap()
    page.locator(".picture").scroll_into_view_if_needed()
    corners = [(20.3, 20.3), (39.7, 20.3), (39.7, 39.7), (20.3, 39.7)]
    fingers = Fingers(page)
    fingers.down(tablet.at(*corners[0]))
    for corner in corners[1:]:
        fingers.move(tablet.at(*corner))
    fingers.lift()
    tablet.settle()
    assert [step["operation"]["kind"] for step in tablet.kept()] == ["draw"]
    expect(page.locator(".help")).to_have_text("Nucleus added.")

    # Two fingers apart zoom; moved side by side, across the line between them, they move the picture.
    (x, y), away = tablet.at(160, 128), 40
    fingers.down((x - away, y))
    fingers.down((x - away, y), (x + away, y))
    fingers.move((x - 2 * away, y), (x + 2 * away, y))
    page.wait_for_timeout(400)
    place = page.evaluate("new URL(location.href).searchParams.get('look')").split("@")[1]
    across, down, zoom = map(float, place.split("_"))
    assert zoom == pytest.approx(2, rel=0.05)
    fingers.move((x - 2 * away, y + 60), (x + 2 * away, y + 60))
    fingers.lift()
    page.wait_for_timeout(400)
    moved = page.evaluate("new URL(location.href).searchParams.get('look')").split("@")[1]
    assert float(moved.split("_")[1]) < down - 0.05  # what lay under the fingers went with them
    assert float(moved.split("_")[0]) == pytest.approx(across, abs=0.01)
    tablet.settle()
    assert len(tablet.kept()) == 1  # neither drew


# ---- larger than what is sent ----------------------------------------------------------------------------------


def test_a_large_image_is_corrected_in_its_own_pixels(app, page, tmp_path):
    size = (500, 2500)
    path = tmp_path / "large.png"
    Image.fromarray(generate_nuclei(3, size, nuclei=120)[0]).save(path)
    for old in (app.home / "corrections").rglob("*.jsonl"):
        old.unlink()
    page.set_viewport_size({"width": 1440, "height": 1300})
    open_page(page, f"{app.url}/predict?model=nuclei")
    upload(page, path, "Images to predict")
    expect(page.locator(".waiting")).to_be_hidden()
    idle(page)
    picture = Picture(page, app, size)
    page.get_by_role("button", name="Edit", exact=True).click()
    first = picture.labels()
    number = largest(first)[0] + 1
    picture.tool("Delete")
    page.mouse.click(*picture.at(*middle(first, number)))
    picture.settle()
    picture.tool("Draw")
    picture.drag((20, 20), (400, 20), (400, 300), (20, 300))
    (delete, draw) = (Operation.from_dict(step["operation"]) for step in picture.kept())
    assert delete.numbers == (number,)
    np.testing.assert_allclose(np.array(draw.points).max(axis=0), [400, 300], atol=2)
    after = picture.labels()
    assert after.shape == size
    np.testing.assert_array_equal(after, replay(Nuclei.of(first), [delete, draw]).labels)
