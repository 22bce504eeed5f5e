"""The two buttons of the home page, pressed by someone who has just installed the app."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.driver import click, idle, open_page


def test_the_first_page_is_usable_after_the_servers_start(app, page):
    app.restart()
    page.goto(app.url)
    expect(page.get_by_role("button", name="Try a prediction")).to_be_enabled()
    idle(page)


def test_home_has_a_picture_and_says_what_this_is(app, page):
    open_page(page, app.url)
    expect(page.get_by_role("heading", level=1)).to_contain_text("nucleus")
    for picture in page.locator("img").all():
        assert picture.get_attribute("alt") is not None
        assert picture.evaluate("image => image.complete && image.naturalWidth > 0")


@pytest.mark.timeout(900)
def test_train_on_a_sample_dataset_to_the_end_and_open_in_predict(app, page):
    open_page(page, app.url)
    click(page, "Train on a sample dataset")
    page.wait_for_url("**/train*")
    opener = page.get_by_role("button", name="Open in Predict").or_(page.get_by_role("link", name="Open in Predict"))
    expect(opener.first).to_be_visible(timeout=600_000)
    assert list(app.home.glob("runs/*/model/model.json"))
    opener.first.click()
    page.wait_for_url(re.compile(r"/predict\?.*model=run(:|%3A)first-training"))
    idle(page)
    click(page, "Use the sample images")
    expect(page.get_by_role("slider", name="Threshold")).to_be_attached()
    idle(page)


def test_try_a_prediction(app, page):
    open_page(page, app.url)
    click(page, "Try a prediction")
    page.wait_for_url("**/predict*")
    expect(page.get_by_role("slider", name="Threshold")).to_be_attached()
    idle(page)


def test_a_link_to_a_page_of_a_server_that_has_just_started(app, page):
    app.restart()
    open_page(page, f"{app.url}/train?dataset=none")
    assert page.url.endswith("/train?dataset=none") or page.url.endswith("/train")
    expect(page.get_by_role("heading", name="Train", exact=True)).to_be_visible()
    expect(page.get_by_role("link", name="Predict")).to_be_visible()
    expect(page.get_by_text("streamlit app")).to_have_count(0)
