"""The network from inside: the tour, down to the arithmetic, a switch, the flooding, film and step, the playground."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import replace

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import App, open_page
from unet.config import preset
from unet.datasets.add import add_sample
from unet.datasets.inspection import inspect_dataset
from unet.settings import PROJECT, read_settings
from unet.training.create import create_run

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def stage(app: App, page: Page) -> Page:
    open_page(page, f"{app.url}/inside?model=tutorial")
    page.locator(".map").first.wait_for()
    return page


def test_down_to_the_arithmetic_and_a_step_across(stage: Page):
    stage.get_by_role("button", name=re.compile("^down2b_elu")).click()
    stage.locator(".map .picture").first.click()
    check = stage.locator("[data-check]")
    expect(check).to_have_attribute("data-check", "true")
    before = stage.get_by_text(re.compile(r"^Sum of all products")).inner_text()
    stage.get_by_role("button", name="Step right").click()
    expect(stage.get_by_text(re.compile(r"^Sum of all products"))).not_to_have_text(before)
    expect(check).to_have_attribute("data-check", "true")
    stage.get_by_role("tab", name="What it sees").click()
    expect(stage.get_by_text(re.compile(r"The receptive field: \d+ × \d+ pixels"))).to_be_visible()


def test_the_square_is_chosen_by_pointing_and_by_keys(stage: Page):
    stage.get_by_role("button", name="Which part").click()
    square = stage.get_by_role("button", name=re.compile("^The square"))
    before = stage.get_by_role("spinbutton", name="Pixels from the top").input_value()
    image = stage.get_by_alt_text("The whole image").bounding_box()
    stage.mouse.click(image["x"] + 5, image["y"] + 5)
    expect(stage.get_by_role("spinbutton", name="Pixels from the top")).to_have_value("0")
    assert before != "0"
    square.press("ArrowDown")
    square.press("ArrowRight")
    expect(stage.get_by_role("spinbutton", name="Pixels from the top")).to_have_value("8")
    expect(stage.get_by_role("spinbutton", name="Pixels from the left")).to_have_value("8")
    expect(stage).to_have_url(re.compile("top=8"))


def test_a_skip_connection_is_switched_off(stage: Page):
    stage.get_by_role("tab", name="Switches").click()
    expect(stage.get_by_text("Dice 1.000")).to_be_visible()
    stage.get_by_label("level 1", exact=True).click()
    expect(stage.get_by_text("Without the first skip connection outlines blur")).to_be_visible()
    expect(stage.get_by_text("Dice 1.000")).to_have_count(0)


def test_the_flooding_is_played(stage: Page):
    stage.get_by_role("tab", name="To the nuclei").click()
    expect(stage.get_by_text("Threshold: every pixel")).to_be_visible()
    stage.get_by_role("button", name="Step", exact=True).first.click()
    expect(stage.get_by_text("Peaks: where")).to_be_visible()
    stage.get_by_role("button", name="Play").first.click()
    expect(stage.get_by_text("Leaving out: what is smaller")).to_be_visible()


def test_the_tour_can_be_shared_and_left(app: App, page: Page):
    open_page(page, f"{app.url}/inside?model=tutorial&tour=11")
    expect(page.get_by_text("11 of 12")).to_be_visible()
    expect(page.locator(".words strong")).to_have_text("probability")
    page.get_by_role("button", name="Next", exact=True).click()
    expect(page.get_by_text("12 of 12")).to_be_visible()
    expect(page).to_have_url(re.compile("tour=12"))
    page.get_by_role("button", name="Leave the tour").click()
    expect(page.get_by_role("button", name="Take the guided tour")).to_be_visible()


def test_a_film_is_played_and_steps_are_taken(app: App, page: Page):
    settings = replace(read_settings(), home=app.home)
    dataset = add_sample(settings)
    config = preset("tutorial").replace(
        epochs=3, filters=(4, 8, 8), dropout=(0.0,), input_size=(64, 64), crops=0, patience=0
    )
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "filmed")
    subprocess.run(
        [sys.executable, "-m", "unet", "train", "--resume", run.name], cwd=PROJECT, check=True, timeout=200,
        env={**os.environ, "UNET_HOME": str(app.home)},
    )  # fmt: skip
    open_page(page, f"{app.url}/train?run=filmed")
    page.get_by_role("link", name="See its layers learn").click()
    expect(page.get_by_text(re.compile("after epoch 3 of 3"))).to_be_visible()
    page.get_by_label("Epoch", exact=True).press("ArrowLeft")
    expect(page.get_by_text(re.compile("after epoch 2 of 3"))).to_be_visible()
    page.get_by_role("button", name="Play the film").click()
    expect(page.get_by_text(re.compile("after epoch 3 of 3"))).to_be_visible()
    for number, name in ((1, "Take a step"), (2, "Take another step")):
        page.get_by_role("button", name=name).click()
        expect(page.get_by_text(re.compile(f"^Step {number}, images of"))).to_be_visible(timeout=120_000)
    expect(page.get_by_role("table", name="Gradients by layer")).to_contain_text("down1a")


def test_ten_steps_of_the_playground(stage: Page):
    ground = stage.locator(".playground")
    for _ in range(10):
        ground.get_by_role("button", name="Step").click()
    expect(ground.get_by_text(re.compile(r"Step 10; .* validation loss"))).to_be_visible()
