"""Correcting nuclei with pointer and keys: what the browser draws, what the server keeps, and what is exported."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import signal

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import App, click, idle, open_page, upload
from tests.browser.picture import HEIGHT, WIDTH, Picture, free_square, largest, middle, show
from unet.config import preset
from unet.corrections.operation import Operation
from unet.corrections.operations import Nuclei, replay
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo
from unet.models.network import build_unet


@pytest.fixture
def picture(app: App, page: Page) -> Picture:
    """The sample with touching nuclei, in edit mode, with nothing corrected."""
    for path in (app.home / "corrections").rglob("*.jsonl"):
        path.unlink()
    page.set_viewport_size({"width": 1280, "height": 1300})
    show(page, app)
    page.get_by_role("button", name="Edit", exact=True).click()
    return Picture(page, app)


def test_every_tool_changes_the_label_map_in_python_to_the_pixel(picture):
    page = picture.page
    first = picture.labels()
    x, y = free_square(first, 16)
    one, two, three = (number + 1 for number in largest(first)[:3])

    picture.tool("Draw")
    inset = 0.3  # so that rounding to the screen's pixels changes no pixel of the image
    corners = [
        (x + a * 16 + (inset if a == 0 else -inset), y + b * 16 + (inset if b == 0 else -inset))
        for a, b in ((0, 0), (1, 0), (1, 1), (0, 1))
    ]
    picture.drag(*corners)
    expected = first.copy()
    drawn = int(first.max()) + 1
    expected[y : y + 16, x : x + 16] = drawn
    np.testing.assert_array_equal(picture.labels(), expected)

    picture.tool("Delete")
    page.mouse.click(*picture.at(*middle(first, one)))
    picture.settle()
    expected[expected == one] = 0

    picture.tool("Merge")
    picture.drag(middle(first, two), middle(first, three))
    expected[expected == three] = two

    picture.tool("Split")
    picture.drag((x - 4, y + 8.1), (x + 20, y + 8.1))
    picture.tool("Brush")
    picture.drag((x + 8, y + 2), (x + 8, y - 2))
    picture.tool("Eraser")
    picture.drag((x + 8, y + 14), (x + 8, y + 20))
    picture.tool("Split by clicks")
    for point in ((x + 3, y + 3), (x + 13, y + 3)):
        page.mouse.click(*picture.at(*point))
    picture.settle()
    steps = [Operation.from_dict(step["operation"]) for step in picture.kept()]
    assert [step.kind for step in steps] == ["draw", "delete", "merge", "split", "brush", "erase", "seeds"]
    np.testing.assert_array_equal(replay(Nuclei.of(first), steps[:3]).labels, expected)
    after = replay(Nuclei.of(first), steps[:4]).labels
    assert {16 * 8} == {int(np.count_nonzero(after == number)) for number in (drawn, drawn + 1)}
    final = picture.labels()
    # But for the last, which looks at the model's map, the steps alone say what comes out.
    np.testing.assert_array_equal(final > 0, replay(Nuclei.of(first), steps[:6]).labels > 0)
    assert len(np.unique(final)) == len(np.unique(replay(Nuclei.of(first), steps[:6]).labels)) + 1
    expect(page.get_by_text("7 corrections: 1 added, 1 deleted, 2 split, 1 merged, 2 reshaped.")).to_be_visible()


def test_keys_act_on_the_chosen_nucleus_and_undo_and_redo_bring_back(picture):
    page = picture.page
    first = picture.labels()
    number = largest(first)[0] + 1
    page.mouse.click(*picture.at(*middle(first, number)))
    picture.settle()
    page.locator(".picture").focus()
    page.keyboard.press("Delete")
    page.keyboard.press("Control+z")
    page.keyboard.press("Control+y")
    picture.settle()
    assert [step["do"] for step in picture.kept()] == ["apply", "undo", "redo"]
    np.testing.assert_array_equal(picture.labels(), np.where(first == number, 0, first))
    # A reload keeps all; so does another threshold, if one wants.
    page.reload()
    expect(page.locator(".waiting")).to_be_hidden()
    picture.settle()
    np.testing.assert_array_equal(picture.labels(), np.where(first == number, 0, first))
    page.get_by_text("Original", exact=True).click()
    picture.settle()
    expect(page.get_by_role("button", name="Edit", exact=True)).to_be_disabled()
    page.get_by_text("Corrected", exact=True).first.click()
    picture.settle()
    page.get_by_role("slider", name="Threshold").press("ArrowLeft")
    question = page.get_by_text("1 correction: 1 deleted, made at threshold 0.35")
    expect(question).to_be_visible()
    click(page, "Keep corrected nuclei")
    expect(question).to_have_count(0)
    x, y = middle(first, number)
    assert picture.labels()[int(y), int(x)] == 0


def test_nuclei_of_another_program_are_imported_and_others_refused(picture, tmp_path):
    page = picture.page
    first = picture.labels()
    square = [[50, 60], [80, 60], [80, 90], [50, 90], [50, 60]]
    shape = {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [square]}, "properties": {}}
    good, large = tmp_path / "cells.geojson", tmp_path / "large.geojson"
    good.write_text(json.dumps({"type": "FeatureCollection", "features": [shape]}))
    large.write_text(good.read_text().replace("80", "8000"))
    for path in (large, good):
        if not page.get_by_test_id("stFileUploader").is_visible():
            click(page, "Import nuclei")
        upload(page, path, "Label map (TIFF, PNG)")
        if path == large:
            expect(page.get_by_text("large.geojson: a nucleus reaches to x 8000")).to_be_visible()
    page.keyboard.press("Escape")
    labels = picture.labels()
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[60:90, 50:80] = True
    np.testing.assert_array_equal(labels > 0, expected)
    page.get_by_role("button", name="Undo").click()
    picture.settle()
    np.testing.assert_array_equal(picture.labels(), first)


def test_two_tabs_do_not_overwrite_each_other(picture, context, app):
    first = picture.labels()
    one, two = (number + 1 for number in largest(first)[:2])
    other = Picture(context.new_page(), app)
    other.page.set_viewport_size({"width": 1280, "height": 1300})
    show(other.page, app)
    other.page.get_by_role("button", name="Edit", exact=True).click()
    for tab, number in ((picture, one), (other, two)):
        tab.page.bring_to_front()
        tab.tool("Delete")
        tab.page.mouse.click(*tab.at(*middle(first, number)))
        tab.settle()
    expect(other.page.locator(".help")).to_contain_text("corrected in another tab")
    np.testing.assert_array_equal(other.labels(), np.where(first == one, 0, first))
    other.tool("Delete")
    other.page.mouse.click(*other.at(*middle(first, two)))
    other.settle()
    np.testing.assert_array_equal(other.labels(), np.where(np.isin(first, [one, two]), 0, first))


def test_from_nothing(app, picture):
    """At threshold 1 nothing is found: all that there is was drawn."""
    page = picture.page
    show(page, app, "&threshold=1.00")
    page.get_by_role("button", name="Edit", exact=True).click()
    picture.tool("Draw")
    picture.drag((20.3, 20.3), (39.7, 20.3), (39.7, 39.7), (20.3, 39.7))
    expected = np.zeros((HEIGHT, WIDTH), np.uint32)
    expected[20:40, 20:40] = 1
    np.testing.assert_array_equal(picture.labels(), expected)


def test_all_nuclei_are_taken_away_without_a_word_of_doubt_and_brought_back(picture):
    page = picture.page
    first = picture.labels()
    click(page, "Start with no nuclei")
    picture.settle()
    expect(page.get_by_test_id("stMetricValue").first).to_have_text("0")
    expect(page.get_by_text("Almost nothing is found")).to_have_count(0)
    assert not picture.labels().any()
    picture.tool("Undo")
    picture.settle()
    np.testing.assert_array_equal(picture.labels(), first)


def test_a_split_by_clicks_waits_for_the_server_and_may_be_undone_before_it_answers(picture):
    page = picture.page
    first = picture.labels()
    number = largest(first)[0] + 1
    x, y = middle(first, number)
    for undone in (True, False):
        picture.tool("Split by clicks")
        expect(page.locator(".help")).to_contain_text("Click twice in one nucleus")
        page.mouse.click(*picture.at(x - 3, y))
        expect(page.locator(".help")).to_have_text("Now click the other half of the same nucleus.")
        os.kill(picture.app.pid, signal.SIGSTOP)
        try:
            page.mouse.click(*picture.at(x + 3, y))
            expect(page.locator(".help")).to_have_text("Splitting …")
            expect(page.locator(".edit")).to_have_attribute("aria-busy", "true")
            if undone:
                page.get_by_role("button", name="Undo").click()
                expect(page.locator(".help")).to_have_text("Undone.")
        finally:
            os.kill(picture.app.pid, signal.SIGCONT)
        picture.settle()
        expect(page.locator(".help")).to_have_text("Undone." if undone else "Split: 1 more nucleus.")
        labels = picture.labels()
        if undone:
            np.testing.assert_array_equal(labels, first)
        else:
            np.testing.assert_array_equal(labels > 0, first > 0)
            assert len(np.unique(labels)) == len(np.unique(first)) + 1


def test_a_first_click_is_forgotten_with_its_tool(picture):
    page = picture.page
    first = picture.labels()
    number = largest(first)[0] + 1
    x, y = middle(first, number)
    picture.tool("Split by clicks")
    page.mouse.click(*picture.at(x - 3, y))
    picture.tool("Draw")
    picture.tool("Split by clicks")
    page.mouse.click(*picture.at(x + 3, y))
    expect(page.locator(".help")).to_have_text("Now click the other half of the same nucleus.")
    picture.settle()
    assert picture.kept() == []


def test_a_pen_draws(picture):
    page = picture.page
    picture.tool("Draw")
    pen = page.context.new_cdp_session(page)
    x, y = free_square(picture.labels(), 16)
    corners = [(x + 0.3, y + 0.3), (x + 15.7, y + 0.3), (x + 15.7, y + 15.7), (x + 0.3, y + 15.7)]
    kinds = ["mousePressed", *["mouseMoved"] * 3, "mouseReleased"]
    for kind, corner in zip(kinds, [*corners, corners[-1]], strict=True):
        across, down = picture.at(*corner)
        event = {"type": kind, "x": across, "y": down, "button": "left", "pointerType": "pen", "force": 0.5}
        pen.send("Input.dispatchMouseEvent", event | {"clickCount": 1, "buttons": int(kind != "mouseReleased")})
    picture.settle()
    expect(page.locator(".help")).to_have_text("Nucleus added.")
    drawn = picture.labels()
    assert len(np.unique(drawn[y : y + 16, x : x + 16])) == 1 and drawn[y, x] > 0


@pytest.mark.parametrize("painter", ["card", "plain"])
def test_painting_only_what_a_step_has_changed_comes_to_the_same_picture(app, page, painter):
    page.set_viewport_size({"width": 1280, "height": 1300})
    show(page, app, f"&painter={painter}")
    page.get_by_role("button", name="Edit", exact=True).click()
    picture = Picture(page, app)
    first = picture.labels()
    one, two = (number + 1 for number in largest(first)[:2])
    x, y = free_square(first, 16)

    def seen() -> str:
        return page.locator("canvas.picture").evaluate(
            "canvas => new Promise(done => requestAnimationFrame(() => setTimeout(() => done(canvas.toDataURL()))))"
        )

    def drag(*points: tuple[float, float]) -> None:
        page.mouse.move(*picture.at(*points[0]))
        page.mouse.down()
        for point in points[1:]:
            page.mouse.move(*picture.at(*point))
        page.mouse.up()

    pictures = [seen()]
    os.kill(app.pid, signal.SIGSTOP)  # its answers would be painted in full
    try:
        for act in (
            lambda: (picture.tool("Draw"), drag((x, y), (x + 15, y), (x + 15, y + 15), (x, y + 15))),
            lambda: (picture.tool("Delete"), page.mouse.click(*picture.at(*middle(first, one)))),
            lambda: (picture.tool("Eraser"), drag((x, y), middle(first, two))),
            lambda: picture.tool("Undo"),
            lambda: picture.tool("Undo"),
        ):
            act()
            pictures.append(seen())
            page.mouse.move(0, 0)
            for _ in range(2):
                page.locator("[data-layer=outline]").click()
            assert seen() == pictures[-1]
    finally:
        os.kill(app.pid, signal.SIGCONT)
    assert len(set(pictures)) == 4
    assert pictures[4] == pictures[2]
    assert pictures[5] == pictures[1]


def test_a_step_that_is_refused_is_taken_back_in_the_picture(picture, context, app):
    page = picture.page
    first = picture.labels()
    one, two = (number + 1 for number in largest(first)[:2])
    other = Picture(context.new_page(), app)
    other.page.set_viewport_size({"width": 1280, "height": 1300})
    show(other.page, app)
    other.page.get_by_role("button", name="Edit", exact=True).click()
    other.tool("Delete")
    other.page.mouse.click(*other.at(*middle(first, one)))
    other.settle()
    other.tool("Undo")  # so that the nuclei are again those that this tab knows
    other.settle()
    page.bring_to_front()
    picture.tool("Delete")
    page.mouse.click(*picture.at(*middle(first, two)))
    expect(page.locator(".help")).to_contain_text("corrected in another tab")
    picture.settle()
    x, y = middle(first, two)
    page.mouse.move(*picture.at(x - 2, y))
    page.mouse.move(*picture.at(x, y))
    expect(page.locator(".readout")).to_contain_text(f"nucleus {two}")
    np.testing.assert_array_equal(picture.labels(), first)


def test_a_model_is_improved_on_three_corrected_images_to_its_end(app, page):
    """With a small model of its own, so that it does not take minutes."""
    config = dataclasses.replace(preset("nuclei").model, filters=(4, 8), dropout=(0.0,), input_size=(32, 32))
    save_model(app.home / "models" / "tiny", build_unet(config), ModelInfo("tiny", config))
    page.set_viewport_size({"width": 1280, "height": 1300})
    for name in ("touching.png", "sparse.png", "uneven-light.png"):
        open_page(page, f"{app.url}/predict?samples=1&model=uploaded%3Atiny&image={name}")
        expect(page.locator(".waiting")).to_be_hidden()
        click(page, "Start with no nuclei")
        page.get_by_role("button", name="Edit", exact=True).click()
        picture = Picture(page, app)
        picture.tool("Draw")
        picture.drag((20, 20), (40, 20), (40, 40), (20, 40))
        click(page, "Save as training data")
        page.get_by_test_id("stPopoverBody").get_by_role("button", name="Save", exact=True).click()
        idle(page)
    expect(page.get_by_text("My corrections holds 3 images.")).to_be_visible()
    page.get_by_role("link", name="Improve the model with it").click()
    idle(page)
    expect(page.get_by_role("heading", name="3 corrected images")).to_be_visible()
    click(page, "Improve the model", exact=True)
    expect(page.get_by_text("Before and after, on the 3 images that it learned from")).to_be_visible(timeout=240_000)
    expect(page.get_by_test_id("stMetric").filter(has_text="Corrected nuclei found")).to_contain_text("of 3")
    page.get_by_role("link", name="Use the improved model").click()
    idle(page)
    expect(page).to_have_url(re.compile("model=run%3Atiny-improved"))
    expect(page.get_by_text("3 files")).to_be_visible()  # those that were corrected
