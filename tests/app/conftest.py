"""What every test of the pages gets: the app in Streamlit's own test harness, over a folder of the test's own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from tests.processes import end_processes_of
from unet.settings import PROJECT, Settings

SECONDS = 60  # a page's first run in a fresh process may have to import a lot


@pytest.fixture
def open_app(settings: Settings) -> Iterator[Callable[..., AppTest]]:
    """Open the app at a page: ``open_app("train")``, with query parameters as keywords.

    The app comes in through its front door, so navigation works; it has been run once when it is returned.
    """

    def open_at(page: str = "home", **query: str) -> AppTest:
        app = AppTest.from_file(str(PROJECT / "streamlit_app.py"), default_timeout=SECONDS)
        for name, value in query.items():
            app.query_params[name] = value
        app.run()
        return app if page == "home" else app.switch_page(str(Path("pages") / f"{page}.py")).run()

    st.cache_data.clear()
    st.cache_resource.clear()
    yield open_at
    end_processes_of(settings.home)
