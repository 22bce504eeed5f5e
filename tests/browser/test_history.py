"""Back and Forward in a browser, through all pages: each step leads where the one before it came from."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import App, click, idle, open_page
from tests.factories import write_tutorial
from unet.config import preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.models.metadata import ModelInfo
from unet.runs.record import write_state
from unet.runs.run import Run
from unet.runs.state import RunState
from unet.settings import Settings
from unet.training.create import create_run


@pytest.fixture
def run(app: App, tmp_path) -> Run:
    """A run that has ended, with a model that nobody trained."""
    from unet.models.folder import save_model
    from unet.models.network import build_unet

    settings = Settings(home=app.home)
    dataset = add_folder(write_tutorial(tmp_path / "cells"), settings)
    config = preset("tutorial").replace(input_size=(32, 32), filters=(4, 8), dropout=0.0)
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "mine")
    save_model(run.folder / "model", build_unet(config.model), ModelInfo("mine", config.model))
    write_state(run, RunState(status="finished", phase="", reason="All done."))
    return run


def go(page: Page, name: str) -> None:
    """Follow the link of that name, in the menu or on the page."""
    page.get_by_role("link", name=name).first.click()
    idle(page)


def where(page: Page) -> tuple[str, str]:
    """Return the address and what stands at the top of the page."""
    heads = page.locator("h1, h2, h3").all_inner_texts()
    return page.url, heads[0] if heads else ""


def test_back_and_forward_lead_through_all_pages(app, page, run):
    open_page(page, app.url)
    seen = [where(page)]

    def step(act, *expected: str) -> None:
        act()
        page.wait_for_url(re.compile(".*".join(map(re.escape, expected))))
        idle(page)
        seen.append(where(page))

    step(lambda: go(page, "Train"), "/train")
    step(lambda: click(page, run.name), "/train?run=mine")
    step(lambda: go(page, "Open in Predict"), "/predict?model=run")
    step(lambda: click(page, "Use the sample images"), "/predict", "samples=1")
    step(lambda: go(page, "Train"), "/train")
    step(lambda: click(page, run.name), "/train?run=mine")
    step(lambda: go(page, "Evaluate"), "/evaluate")
    step(lambda: go(page, "Home"), app.url)
    addresses = [address for address, _ in seen]
    assert len(set(addresses)) == len({*seen})  # one address, one page
    for expected in reversed(seen[:-1]):
        page.go_back()
        idle(page)
        assert where(page) == expected
    for expected in seen[1:]:
        page.go_forward()
        idle(page)
        assert where(page) == expected


def test_a_page_that_was_only_opened_is_left_with_one_step_back(app, page):
    open_page(page, app.url)
    for name, address in (("Predict", "/predict"), ("Evaluate", "/evaluate"), ("Train", "/train")):
        go(page, name)
        assert page.url == f"{app.url}{address}"
        page.go_back()
        idle(page)
        assert page.url.rstrip("/") == app.url


def test_the_look_of_a_picture_stays_in_the_address_at_the_next_one(app, page):
    open_page(page, f"{app.url}/predict?model=nuclei&samples=1")
    expect(page.locator(".picture")).to_be_visible()
    page.locator("[data-layer=heat]").click()
    expect(page).to_have_url(re.compile("look="))
    for words in ("Next", "Next", "Previous"):
        click(page, words)
        page.wait_for_timeout(500)
        assert "look=" in page.url
    page.get_by_role("link", name="Home").first.click()
    idle(page)
    page.wait_for_timeout(500)
    assert "look=" not in page.url
