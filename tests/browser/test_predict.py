"""The Predict page in a browser: the threshold moved by keyboard, links, broken files, zooming."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from tests.browser.driver import (
    PATIENCE,
    App,
    click,
    idle,
    move_slider,
    open_page,
    pixels,
    slider,
    slider_value,
    upload,
)
from tests.factories import draw_discs
from unet.config import ModelConfig
from unet.model.folder import ModelInfo, save_model


@pytest.fixture(scope="module")
def model(app: App) -> str:
    """The key of a small, untrained model: what it finds is nonsense, and changes with the threshold."""
    import keras

    from unet.model.network import build_unet

    keras.utils.set_random_seed(0)
    config = ModelConfig(input_size=(64, 64), filters=(4, 8), dropout=(0.0,))
    save_model(app.home / "models" / "small", build_unet(config), ModelInfo("small", config))
    return "uploaded:small"


@pytest.fixture
def samples(app: App, page: Page, model: str) -> Page:
    """The page with the samples predicted."""
    open_page(page, f"{app.url}/predict?model={model}&samples=1")
    expect(slider(page, "Threshold")).to_be_attached()
    idle(page)
    return page


def picture(page: Page) -> bytes:
    """Return how the last panel looks, once its pictures are decoded."""
    for image in page.locator(".panel img").all():
        image.evaluate("image => image.decode()")
    return pixels(page.locator(".panel").last)


def zoom(page: Page) -> str:
    return page.locator(".zoom").inner_text()


def move_threshold(page: Page, steps: int) -> float:
    """Move the threshold by keyboard, and wait until the viewer's words, drawn after its picture, follow."""
    moved = move_slider(page, "Threshold", steps)
    expect(page.get_by_text(re.compile(rf"probability above {moved:.2f}"))).to_be_visible()
    return moved


def choose_view(page: Page, name: str) -> None:
    page.get_by_role("radiogroup", name="View").get_by_text(name, exact=True).click()
    idle(page)


def test_the_mask_follows_the_threshold_by_keyboard(samples, app):
    page = samples
    covered = page.get_by_test_id("stMetric").filter(has_text="Area covered")
    before, words = picture(page), covered.inner_text()
    # Were the page run again, or the model asked, it would be missed: only the fragment runs.
    folder = app.home / "models" / "small"
    folder.rename(folder.with_name("elsewhere"))
    try:
        assert move_threshold(page, 3) == pytest.approx(0.53)
        expect(covered).not_to_have_text(words)
        assert picture(page) != before
        assert "threshold=0.53" in page.url
        move_threshold(page, -3)
        assert picture(page) == before
    finally:
        folder.with_name("elsewhere").rename(folder)


def test_a_reload_brings_threshold_view_and_image_back(samples):
    page = samples
    choose_view(page, "Mask")
    moved = move_threshold(page, -2)
    click(page, "Next")
    expect(page.locator(".panel img")).to_have_attribute("alt", "out-of-focus.png: its mask")
    before = picture(page)
    page.reload()
    idle(page)
    expect(slider(page, "Threshold")).to_be_attached()
    assert slider_value(page, "Threshold") == moved
    expect(page.get_by_text(f"White: probability above {moved:.2f}")).to_be_visible()
    expect(page.locator(".panel img")).to_have_attribute("alt", "out-of-focus.png: its mask")
    assert picture(page) == before


def test_the_views_differ_and_say_what_they_show(samples):
    page = samples
    seen = set()
    for view, words in {
        "Overlay": "Orange: probability above",
        "Image": "The image as it was given",
        "Probability": "Yellow: surely nucleus",
        "Mask": "White: probability above",
        "Side by side": "The image, and the mask over it",
    }.items():
        choose_view(page, view)
        expect(page.get_by_text(words)).to_be_visible()
        expect(page.locator(".panel")).to_have_count(2 if view == "Side by side" else 1)
        expect(page.locator(".panel img").first).to_have_attribute("alt", re.compile("crowded.png: "))
        seen.add(picture(page))
    assert len(seen) == 5


def test_the_zoom_stays_while_the_threshold_moves(samples):
    page = samples
    panel = page.locator(".panel").first
    panel.scroll_into_view_if_needed()
    box = panel.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 3, box["y"] + box["height"] / 3)
    page.mouse.wheel(0, -400)
    expect(page.locator(".zoom")).not_to_have_text("100 %")
    near = zoom(page)
    move_threshold(page, 2)
    choose_view(page, "Side by side")
    expect(page.locator(".panel")).to_have_count(2)
    assert zoom(page) == near
    stages = page.locator(".stage")
    assert stages.nth(0).get_attribute("style") == stages.nth(1).get_attribute("style")
    # Dragging moves both; so do the arrow keys.
    before = stages.nth(1).get_attribute("style")
    box = page.locator(".panel").first.bounding_box()
    page.mouse.move(box["x"] + 100, box["y"] + 100)
    page.mouse.down()
    page.mouse.move(box["x"] + 60, box["y"] + 70, steps=3)
    page.mouse.up()
    dragged = stages.nth(1).get_attribute("style")
    assert dragged != before
    page.locator(".panel").first.focus()
    page.keyboard.press("ArrowRight")
    assert stages.nth(1).get_attribute("style") != dragged
    page.keyboard.press("0")
    assert zoom(page) == "100 %"
    page.get_by_role("button", name="Zoom in").press("Enter")
    assert zoom(page) == "150 %"
    click(page, "Next")
    expect(page.locator(".zoom")).to_have_text("100 %")


def write_images(folder: Path) -> list[Path]:
    folder.mkdir()
    for number in range(2):
        Image.fromarray(draw_discs(5, (90, 120), number)[0]).save(folder / f"good{number}.png")
    (folder / "broken.png").write_bytes(b"this is no image")
    return sorted(folder.iterdir())


def test_a_broken_file_among_good_ones_and_the_way_back_to_them(app, page, model, tmp_path):
    open_page(page, f"{app.url}/predict?model={model}")
    upload(page, write_images(tmp_path / "images"), "Images to predict")
    expect(slider(page, "Threshold")).to_be_attached()
    idle(page)
    warning = page.get_by_test_id("stAlert")
    expect(warning).to_contain_text("1 file was left out")
    expect(warning).to_contain_text("broken.png")
    expect(page.get_by_text("All 2 images")).to_be_visible()
    # The files lie on disk: a reload, another page and the way back find them again.
    page.reload()
    idle(page)
    expect(page.get_by_text("All 2 images")).to_be_visible()
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Everything").click()
    with zipfile.ZipFile(io.BytesIO(Path(download.value.path()).read_bytes())) as archive:
        assert {"good0_mask.png", "good1_labels.tif", "summary.csv"} <= set(archive.namelist())
    with page.expect_download(timeout=PATIENCE) as download:
        page.get_by_role("button", name="Mask", exact=False).last.click()
    assert download.value.suggested_filename == "good0_mask.png"
    with Image.open(download.value.path()) as mask:
        assert mask.size == (120, 90)


def test_it_fits_a_telephone(samples):
    page = samples
    page.set_viewport_size({"width": 400, "height": 800})
    idle(page)
    for view in ("Overlay", "Side by side"):
        choose_view(page, view)
        expect(page.locator(".panel")).to_have_count(2 if view == "Side by side" else 1)
        assert page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth") <= 400
        for panel in page.locator(".panel").all():
            box = panel.bounding_box()
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= 400
            assert box["width"] > 300


def test_a_threshold_that_is_moved_to_and_fro_fast_never_breaks_the_page(samples):
    page = samples
    handle = slider(page, "Threshold")
    handle.focus()
    for press in range(60):
        handle.press("ArrowRight" if press % 6 < 3 else "ArrowLeft")
        page.wait_for_timeout(40 + 35 * (press % 5))  # as fast as fingers are, now slower and now faster
    idle(page)
    expect(page.get_by_text("Connection error")).to_have_count(0)
    expect(page.get_by_text(re.compile(r"probability above 0\.50"))).to_be_visible()
