"""The Train page in a browser: upload, train, refresh, stop and resume."""

from __future__ import annotations

import re
import signal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import App, click, idle, open_page, upload
from tests.factories import write_tutorial, zip_folder
from unet.runs.run import Run, open_run
from unet.settings import Settings

TRAINING = 300_000  # milliseconds
POINTS = "document.querySelector('.js-plotly-plot').data.find(curve => curve.name === 'validation').x.length"


def set_number(page: Page, label: str, value: int) -> None:
    """Type a number, and leave the field so that it counts."""
    field = page.get_by_role("spinbutton", name=label)
    field.fill(str(value))
    field.press("Enter")
    idle(page)


def set_text(page: Page, label: str, value: str) -> None:
    field = page.get_by_role("textbox", name=label)
    field.fill(value)
    field.press("Enter")
    idle(page)


def small_network(page: Page) -> None:
    """Choose a network that trains in no time."""
    page.get_by_text("Advanced:").click()
    set_text(page, "Dropout", "0.1")
    set_text(page, "Filters", "4, 8")


def shown_run(app: App, page: Page) -> Run:
    """Return the run that the address names."""
    page.wait_for_url(re.compile(r"[?&]run="))
    return open_run(re.search(r"[?&]run=([^&]+)", page.url).group(1), Settings(home=app.home))


@pytest.mark.timeout(900)
def test_upload_a_zip_and_train_to_the_end(app, page, tmp_path):
    archive = zip_folder(write_tutorial(tmp_path / "stage1_train", count=8), tmp_path / "stage1_train.zip")
    open_page(page, f"{app.url}/train")
    upload(page, archive, "A zip of images and masks")
    page.wait_for_url(re.compile(r"dataset=stage1-train-"))
    expect(page.get_by_test_id("stMetric").first).to_contain_text("8")
    expect(page.locator('img[alt^="Image sample00"]')).to_be_visible()
    set_number(page, "Epochs", 2)
    small_network(page)
    click(page, "Start training")
    run = shown_run(app, page)
    expect(page.get_by_role("link", name="Open in Predict")).to_be_visible(timeout=TRAINING)
    assert run.state().status == "finished"
    expect(page.get_by_text("All 2 epochs are done")).to_be_visible()
    expect(page.locator('img[alt^="Validation image"]').first).to_be_visible()
    expect(page.get_by_test_id("stPlotlyChart")).to_have_count(2)
    click(page, "Open in Predict", role="link")
    page.wait_for_url(re.compile(r"/predict\?model=run(:|%3A)"))


@pytest.mark.timeout(900)
def test_a_running_training_survives_refresh_server_and_kill(app, page, context):
    open_page(page, f"{app.url}/train")
    page.get_by_text("Sample", exact=True).click()
    click(page, "Use the sample dataset")
    set_number(page, "Epochs", 300)
    small_network(page)
    click(page, "Start training")
    run = shown_run(app, page)
    progress = page.get_by_test_id("stProgress")
    expect(progress).to_contain_text("of 300", timeout=TRAINING)

    # Refresh, another tab, and a server that is restarted.
    page.reload()
    expect(progress).to_contain_text("of 300")
    expect(page.get_by_role("button", name="Stop training")).to_be_enabled()
    other = context.new_page()
    open_page(other, f"{app.url}/train")
    click(other, "Watch it")
    expect(other.get_by_test_id("stProgress")).to_contain_text("of 300")
    other.close()
    app.restart()
    open_page(page, page.url)
    expect(progress).to_contain_text("of 300")
    assert run.state().active

    # The curves grow by themselves.
    points = page.evaluate(POINTS)
    page.wait_for_function(f"({POINTS}) > {points}", timeout=TRAINING)

    # Stop, and go on from there.
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text("Stopped on request.")).to_be_visible()
    done = len(run.metrics().epochs)
    assert run.state().status == "stopped"
    page.get_by_role("button", name="Resume").click()
    expect(progress).to_contain_text("of 300", timeout=TRAINING)

    # Killed, it is shown as died, and goes on from its last epoch.
    for process in app.trainers():
        process.send_signal(signal.SIGKILL)
    expect(page.get_by_text("The training process is gone")).to_be_visible()
    page.get_by_role("button", name="Resume").click()
    expect(progress).to_contain_text(re.compile(r"Epoch \d+ of 300"), timeout=TRAINING)
    assert run.state().epoch >= done
    page.get_by_role("button", name="Stop training").click()
    expect(page.get_by_text("Stopped on request.")).to_be_visible()
    idle(page)


def test_a_value_that_cannot_work_is_explained(app, page):
    open_page(page, f"{app.url}/train")
    page.get_by_text("Sample", exact=True).click()
    click(page, "Use the sample dataset")
    start = page.get_by_role("button", name="Start training")
    set_number(page, "Epochs", 0)
    expect(page.get_by_text("Epochs is 0; it must lie between 1 and 10,000")).to_be_visible()
    expect(start).to_be_disabled()
    set_number(page, "Epochs", 2)
    expect(start).to_be_enabled()
    page.get_by_text("Advanced:").click()
    set_text(page, "Input size (width × height)", "100 x 100")
    expect(page.get_by_text("Input size is 100 x 100")).to_be_visible()
    expect(start).to_be_disabled()


def test_the_page_fits_a_phone(app, page):
    page.set_viewport_size({"width": 400, "height": 800})
    open_page(page, f"{app.url}/train")
    page.get_by_text("Sample", exact=True).click()
    click(page, "Use the sample dataset")
    width = page.evaluate("document.querySelector('[data-testid=stMain]').scrollWidth")
    assert width <= 400
