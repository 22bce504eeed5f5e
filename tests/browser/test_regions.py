"""Regions, positive nuclei, fingers and large images in edit mode: what a pointer does, and what the server keeps."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

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
