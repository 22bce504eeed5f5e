"""The Evaluate page in a browser: an uploaded zip, scores, a threshold that is kept, files to take along."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.driver import App, click, idle, move_slider, open_page, pixels, upload
from tests.factories import write_tutorial, zip_folder
from unet.config import ModelConfig
from unet.evaluation.evaluate import THRESHOLDS
from unet.models.folder import save_model
from unet.models.metadata import ModelInfo, read_info


@pytest.fixture(scope="module")
def model(app: App) -> Path:
    """A small, untrained model: its scores are low, and change with the threshold."""
    import keras

    from unet.models.network import build_unet

    keras.utils.set_random_seed(0)
    config = ModelConfig(input_size=(64, 64), filters=(4, 8), dropout=(0.0,))
    folder = app.home / "models" / "small"
    save_model(folder, build_unet(config), ModelInfo("small", config))
    return folder


def metric(page: Page, label: str) -> str:
    return page.get_by_test_id("stMetric").filter(has_text=label).inner_text()


@pytest.fixture
def lab(app: App, page: Page, model: Path, tmp_path: Path) -> Page:
    """The page with the scores of four images."""
    open_page(page, f"{app.url}/evaluate?model=uploaded:small")
    archive = zip_folder(write_tutorial(tmp_path / "labelled", count=4), tmp_path / "labelled.zip")
    if page.get_by_role("button", name="Add images").count():
        click(page, "Add images")
    upload(page, archive, "A zip of images and masks")
    page.wait_for_url(re.compile(r"data=labelled-"))
    evaluate = page.get_by_test_id("stMain").get_by_role("button", name="Evaluate", exact=True)
    if evaluate.count():
        evaluate.click()
    expect(page.get_by_text("Images, the worst first")).to_be_visible()
    idle(page)
    return page


def test_scores_follow_the_threshold_which_can_be_kept(lab, model):
    before, curve = metric(lab, "Nuclei found"), pixels(lab.locator(".js-plotly-plot").first)
    chosen = THRESHOLDS[int(move_slider(lab, "Probability threshold", -6))]  # the slider tells a place
    assert metric(lab, "Nuclei found") != before
    assert pixels(lab.locator(".js-plotly-plot").first) != curve
    click(lab, f"Use {chosen:.2f}")
    expect(lab.get_by_text(f"The model's own is {chosen:.2f}")).to_be_visible()
    assert read_info(model).threshold == chosen < 0.5


def test_a_reload_brings_all_of_it_back(lab):
    before = metric(lab, "Dice")
    lab.reload()
    idle(lab)
    expect(lab.get_by_text("Images, the worst first")).to_be_visible()
    assert metric(lab, "Dice") == before


def test_the_worst_image_is_shown_and_the_table_taken_along(lab, tmp_path):
    expect(lab.locator('img[alt*="matched"]')).to_be_visible()
    with lab.expect_download() as table:
        lab.get_by_role("button", name="Table (CSV)").click()
    with Path(table.value.path()).open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    assert {"id", "competition", "dice", "nuclei", "found"} <= set(rows[0])
    with lab.expect_download() as report:
        lab.get_by_role("button", name="Report (HTML)").click()
    report.value.save_as(tmp_path / "scores.html")
    lab.goto((tmp_path / "scores.html").as_uri())
    expect(lab.locator(".js-plotly-plot")).to_have_count(2)
