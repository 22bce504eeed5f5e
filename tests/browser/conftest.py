"""What every browser test gets: one Chromium, the app on a port of its own, and a page that watches for errors."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.browser.driver import PATIENCE, PROJECT, App, exceptions, launch_browser, running_app

RESULTS = PROJECT / "test-results"
# What a browser says when the server that it talks to is restarted, which some tests do on purpose.
EXPECTED = ("WebSocket", "net::ERR_CONNECTION", "net::ERR_EMPTY_RESPONSE", "disconnected from server", "/_stcore/")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """A headless Chromium for the whole session."""
    with sync_playwright() as playwright:
        browser = launch_browser(playwright)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[App]:
    """The running app, one a module: ``.url``, ``.home``, ``.restart()``."""
    with running_app(tmp_path_factory.mktemp("app")) as app:
        yield app


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    """A fresh browser profile at 1280 x 900, without animations."""
    context = browser.new_context(viewport={"width": 1280, "height": 900}, reduced_motion="reduce")
    context.set_default_timeout(PATIENCE)
    yield context
    context.close()


@pytest.fixture
def page(context: BrowserContext, request: pytest.FixtureRequest) -> Iterator[Page]:
    """A tab. The test fails if a script error, a console error or an exception box shows in it.

    When a test fails, the picture of its tab is in ``test-results/``.
    """
    page = context.new_page()
    errors = watch(page)
    yield page
    errors += exceptions(page)
    report = getattr(request.node, "report_call", None)
    if errors or (report is not None and report.failed):
        _keep_screenshot(page, request.node.name)
    if report is not None and report.passed:
        assert not errors, "\n".join(errors)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    """Leave the outcome where the fixture ``page`` finds it."""
    report = yield
    setattr(item, f"report_{report.when}", report)
    return report


def watch(page: Page) -> list[str]:
    """Collect, in the list that is returned, the errors that a tab's scripts and console report."""
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(f"script error: {error}"))
    page.on("console", lambda message: errors.append(f"console: {message.text}") if _is_error(message) else None)
    return errors


def _is_error(message) -> bool:
    words = f"{message.text} {message.location.get('url', '')}"
    return message.type == "error" and not any(expected in words for expected in EXPECTED)


def _keep_screenshot(page: Page, name: str) -> None:
    RESULTS.mkdir(exist_ok=True)
    path = (RESULTS / re.sub(r"[^\w-]+", "-", name)).with_suffix(".png")
    page.screenshot(path=path, full_page=True)
    print(f"The page's last picture: test-results/{path.name}")
