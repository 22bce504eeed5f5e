"""Every page under axe-core, light and dark: nothing in our power breaks WCAG 2.1 AA, and headings do not skip."""

from __future__ import annotations

from pathlib import Path

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page

from tests.browser.driver import PATIENCE, App, click, idle, open_page
from tests.factories import write_pairs
from unet.config import preset
from unet.datasets.add import add_folder
from unet.datasets.inspection import inspect_dataset
from unet.settings import Settings

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
OPTIONS = {
    "runOnly": {"type": "tag", "values": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa"]},
    "rules": {"heading-order": {"enabled": True}, "page-has-heading-one": {"enabled": True}},
    "resultTypes": ["violations"],
}
# Inside Streamlit's own widgets, where nothing of ours reaches.
EXCLUDED: list[str] = []


@pytest.fixture(scope="module")
def workspace(app: App, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A dataset and a finished run, by their names in the address."""
    from unet.training.create import create_run
    from unet.training.process import train_run

    settings = Settings(home=app.home)
    dataset = add_folder(write_pairs(tmp_path_factory.mktemp("labelled") / "pairs", count=4), settings)
    config = preset("tutorial").replace(
        input_size=(32, 32), filters=(4, 8), dropout=0.0, epochs=2, validation_fraction=0.5, patience=0
    )
    run = create_run(dataset, inspect_dataset(dataset, settings), config, settings, "small")
    train_run(run, settings)
    return {"dataset": dataset.id, "run": run.name}


def violations(page: Page) -> list[str]:
    """Return what axe-core finds on a page, one line per rule and place."""
    page.wait_for_timeout(300)
    page.evaluate(AXE)
    found = page.evaluate(
        "([excluded, options]) => axe.run({exclude: excluded.map((each) => [each])}, options)", [EXCLUDED, OPTIONS]
    )
    return [
        f"{rule['id']}: {node['target']} {node['failureSummary']}"
        for rule in found["violations"]
        for node in rule["nodes"]
    ]


@pytest.mark.timeout(900)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_accessible(app: App, browser: Browser, workspace: dict[str, str], scheme: str):
    context = browser.new_context(viewport={"width": 1280, "height": 900}, color_scheme=scheme, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    page = context.new_page()
    found = {}
    addresses = (
        "",
        "train",
        f"train?dataset={workspace['dataset']}",
        f"train?run={workspace['run']}",
        "predict",
        "predict?model=nuclei&samples=1",
        "predict?model=nuclei&other=tutorial&samples=1",
        "evaluate",
        "inside",
    )
    for address in addresses:
        open_page(page, f"{app.url}/{address}")
        found[address] = violations(page)
        if "predict?model=nuclei&samples" in address:
            for tab in ("All 6 images", "Groups of images"):
                page.get_by_role("tab", name=tab).click()
                idle(page)
                found[tab] = violations(page)
            click(page, "nuclei", exact=True)
            found["the model's popover"] = violations(page)
            page.keyboard.press("Escape")
    open_page(page, f"{app.url}/evaluate?model=run:{workspace['run']}&other=nuclei&data={workspace['dataset']}")
    start = page.get_by_test_id("stMain").get_by_role("button", name="Evaluate", exact=True)
    if start.count():
        start.click()
    page.get_by_text("Images, the worst first").wait_for()
    idle(page)
    found["the threshold lab"] = violations(page)
    context.close()
    assert {place: lines for place, lines in found.items() if lines} == {}
