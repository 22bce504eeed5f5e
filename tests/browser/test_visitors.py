"""Two browsers at one deployment: what one makes is hers, and names of others stay words."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.browser.driver import click, open_page, running_app, upload
from tests.factories import write_tutorial, zip_folder
from unet.datasets.store import list_datasets
from unet.settings import Settings

NAMES = [
    "http://evil.example/a.png",
    "www.evil.example",
    "a@evil.example",
    "![x](http://evil.example/p.png)",
    ":smile:",
]


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    """The app as a deployment starts it: nobody sits at the machine."""
    with running_app(tmp_path_factory.mktemp("app"), UNET_LOCAL_FOLDERS="off") as app:
        yield app


def test_a_dataset_is_listed_in_the_browser_that_brought_it(app, browser, page, tmp_path: Path):
    archive = zip_folder(write_tutorial(tmp_path / "annas"), tmp_path / "annas.zip")
    open_page(page, f"{app.url}/train")
    upload(page, archive)
    (dataset,) = list_datasets(Settings(home=app.home))
    assert (dataset.folder / "owners").read_text().strip()
    cookie = next(each for each in page.context.cookies() if each["name"] == "unet_browser")
    assert cookie["httpOnly"]
    open_page(page, f"{app.url}/train")
    click(page, "Earlier", role="radio")
    assert page.get_by_text("Use this dataset").is_visible()
    other = browser.new_context()
    try:
        berts = other.new_page()
        open_page(berts, f"{app.url}/train")
        assert berts.get_by_text("Earlier", exact=True).count() == 0
        open_page(berts, f"{app.url}/train?dataset={dataset.id}")  # the link that she gave him
        assert berts.get_by_text("Images to train on").first.is_visible()
    finally:
        other.close()


@pytest.mark.parametrize("name", NAMES)
def test_text_from_the_address_becomes_neither_link_nor_picture(app, page, name):
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    for query in (f"train?run={quote(name)}", f"train?dataset={quote(name)}", f"predict?model={quote(name)}"):
        open_page(page, f"{app.url}/{query}")
        alert = page.get_by_test_id("stAlert").first
        assert name in alert.inner_text().replace("\u2060", "")
        assert alert.locator("a, img").count() == 0
    assert not [url for url in asked if "//evil.example" in url.partition("?")[0]]
