"""The server itself, met without a browser: who is taken for whom, what may be sent, and how it ends."""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from http.cookies import SimpleCookie
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from hypothesis import given, strategies

from studio.common.visitor import COOKIE, TOKEN, came_directly
from tests.app.test_run_view import make_run, write_epochs
from tests.browser.driver import App, running_app
from tests.factories import write_tutorial
from tests.raw_visitor import request, visit
from unet.ownership import Visitor
from unet.runs.record import write_state
from unet.runs.state import RunState

PATH = ":material/folder_open:"
ANNA, BERT = "a" * 43, "b" * 43
KEY = "correct horse battery"


@pytest.fixture(scope="module")
def at_home(tmp_path_factory) -> Iterator[App]:
    """The app as ``make run`` starts it."""
    with running_app(tmp_path_factory.mktemp("home"), UNET_LOCAL_FOLDERS="on") as app:
        yield app


@pytest.fixture(scope="module")
def deployed(tmp_path_factory) -> Iterator[App]:
    """The app as a deployment behind a proxy on the same machine starts it, small."""
    with running_app(
        tmp_path_factory.mktemp("out"), UNET_LOCAL_FOLDERS="", UNET_MAX_UPLOAD_MB="5", UNET_ADMIN_KEY=KEY
    ) as app:
        yield app


@contextmanager
def proxy(app: App) -> Iterator[str]:
    """Pass bytes on to the app, and add nothing to them: the address of a proxy on the same machine."""
    server = socket.create_server(("127.0.0.1", 0))

    def pass_on(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_WR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = server.accept()
                far = socket.create_connection(("127.0.0.1", app.port))
                threading.Thread(target=pass_on, args=(near, far), daemon=True).start()
                threading.Thread(target=pass_on, args=(far, near), daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    with closing(server):
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


# ---- who sits at the machine -----------------------------------------------------------------------------------


def test_who_started_it_on_this_machine_may_name_a_folder(at_home):
    with visit(at_home.url, host=f"localhost:{at_home.port}") as visitor:
        assert PATH in visitor.run("train")


@pytest.mark.parametrize(
    "headers",
    [
        {"host": "rebound.example.org"},
        {"host": "localhost.example.org:8501"},
        {"host": "192.0.2.7"},
        {"X_Forwarded_For": "192.0.2.7"},
        {"X_Forwarded_For": "127.0.0.1"},
        {"Forwarded": "for=192.0.2.7"},
        {"Via": "1.1 proxy"},
    ],
)
def test_what_speaks_against_it_is_heard(at_home, headers):
    with visit(at_home.url, **headers) as visitor:
        assert PATH not in visitor.run("train")


def test_a_proxy_that_adds_no_header_opens_no_folder_of_a_deployment(deployed):
    """Nothing tells such a visitor from one at the machine: so it takes the word of whoever started the server."""
    with proxy(deployed) as url, visit(url, host="localhost:8501") as visitor:
        page = visitor.run("train")
    assert ":material/folder_zip:" in page
    assert PATH not in page


def test_a_server_that_listens_to_others_offers_no_folder():
    local = {"Host": "localhost:8501", "Origin": "http://localhost:8501"}
    assert came_directly(local, {"127.0.0.1"})
    assert came_directly({"host": "[::1]:8501"}, {"::1", "127.0.0.1"})
    for listening in ({"0.0.0.0"}, {"::"}, {"127.0.0.1", "192.0.2.7"}, set()):
        assert not came_directly(local, listening)
    assert not came_directly(local | {"Origin": "http://evil.example"}, {"127.0.0.1"})
    assert not came_directly({}, {"127.0.0.1"})


@given(host=strategies.text(max_size=30), port=strategies.text(max_size=6))
def test_any_host_header_is_read(host, port):
    came_directly({"Host": f"{host}:{port}"}, {"127.0.0.1"})


# ---- whose it is -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("given", "made"), [({}, True), ({"Cookie": f"{COOKIE}={ANNA}"}, False)])
def test_a_browser_gets_a_token_once(deployed, given, made):
    status, headers = request(deployed.url, "GET", "/train", {"Accept": "text/html,*/*", **given})
    cookie = SimpleCookie(headers.get("set-cookie", ""))
    assert status == 200
    assert (COOKIE in cookie) is made
    if made:
        assert TOKEN.fullmatch(cookie[COOKIE].value)
        assert cookie[COOKIE]["httponly"]
        assert cookie[COOKIE]["samesite"] == "Lax"


@pytest.fixture
def annas(deployed, settings, tmp_path):
    """A run that Anna's browser has made, and one of the command line's."""
    at = replace(settings, home=deployed.home)
    for name, owner in (("annas", ANNA), ("machines", None)):
        if not (at.runs / name).exists():
            run = make_run(at, write_tutorial(tmp_path / name), name)
            write_epochs(run, 1)
            write_state(run, RunState(status="stopped", epoch=1, epochs=2, reason="Stopped on request."))
            if owner:
                Visitor.of(owner).claim(run.folder)
    return at


def test_a_run_is_its_makers(deployed, annas):
    with visit(deployed.url, token=ANNA) as visitor:
        listed, opened = visitor.run("train"), visitor.run("train", run="annas")
    assert "open-annas" in listed and "delete-annas" in listed
    assert 'label: "Resume"' in opened


def test_others_look_at_it_where_they_have_the_link(deployed, annas):
    with visit(deployed.url, token=BERT) as visitor:
        listed, opened = visitor.run("train"), visitor.run("train", run="annas")
    assert "open-annas" not in listed
    assert "Learning curves" in opened
    assert 'label: "Resume"' not in opened and "delete-annas" not in opened


def test_what_the_machine_made_is_shown_to_all_and_changed_by_none(deployed, annas):
    with visit(deployed.url, token=BERT) as visitor:
        page = visitor.run("train")
    assert "open-machines" in page
    assert "delete-machines" not in page


def test_at_the_machine_everything_is_ones_own(at_home, settings, tmp_path):
    at = replace(settings, home=at_home.home)
    run = make_run(at, write_tutorial(tmp_path / "cells"), "annas")
    Visitor.of(ANNA).claim(run.folder)
    with visit(at_home.url, host="localhost:1", token=BERT) as visitor:
        assert "delete-annas" in visitor.run("train")


# ---- what may be sent ------------------------------------------------------------------------------------------


def upload(url: str, session: str, file: str, size: int) -> int:
    """Upload zeros as a visitor without a browser would, and return the status."""
    body = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.zip"\r\n\r\n' + bytes(size) + b"\r\n--x--\r\n"
    )
    _, headers = request(url, "GET", "/_stcore/health")
    token = SimpleCookie(headers["set-cookie"])["_streamlit_xsrf"].value
    sent = {
        "Content-Type": "multipart/form-data; boundary=x",
        "Cookie": f"_streamlit_xsrf={token}",
        "X-Xsrftoken": token,
        "Connection": "close",
    }
    return request(url, "PUT", f"/_stcore/upload_file/{session}/{file}", sent, body)[0]


def test_an_upload_larger_than_the_settings_say_is_refused(deployed):
    with visit(deployed.url) as visitor:
        visitor.run("train")
        assert upload(deployed.url, visitor.session, "one", 4 * 1024**2) == 204
        assert upload(deployed.url, visitor.session, "two", 6 * 1024**2) == 413


def test_uploads_have_no_more_than_their_share_of_memory(deployed):
    with visit(deployed.url) as visitor:
        visitor.run("train")
        answers = [upload(deployed.url, visitor.session, f"file{index}", 3 * 1024**2) for index in range(6)]
    assert answers[0] == 204
    assert answers[-1] == 503
    assert sum(answer == 204 for answer in answers) <= 3


# ---- what it clears away ---------------------------------------------------------------------------------------


def test_what_is_too_old_goes_when_it_starts(tmp_path: Path):
    uploads = tmp_path / "workspace" / "cache" / "uploads"
    uploads.mkdir(parents=True)
    for name, days in (("old", 3), ("young", 1)):
        (uploads / name).write_bytes(b"x")
        os.utime(uploads / name, (time.time() - days * 24 * 3600,) * 2)
    with running_app(tmp_path, UNET_CACHE_DAYS="2"):
        deadline = time.monotonic() + 30
        while (uploads / "old").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        assert [path.name for path in uploads.iterdir()] == ["young"]


# ---- how it ends -----------------------------------------------------------------------------------------------


def test_it_ends_soon_after_it_is_told_to_whatever_is_under_way(tmp_path: Path):
    """A visitor is connected, and an upload has stopped half-way: by itself the server would wait for it for ever."""
    with running_app(tmp_path) as app, visit(app.url) as visitor:
        visitor.run("home")
        _, headers = request(app.url, "GET", "/_stcore/health")
        token = SimpleCookie(headers["set-cookie"])["_streamlit_xsrf"].value
        with socket.create_connection(("127.0.0.1", urlsplit(app.url).port)) as half:
            half.sendall(
                f"PUT /_stcore/upload_file/{visitor.session}/half HTTP/1.1\r\nHost: localhost\r\n"
                f"Cookie: _streamlit_xsrf={token}\r\nX-Xsrftoken: {token}\r\nContent-Length: 100000\r\n"
                "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
            )
            time.sleep(1)
            app._process.terminate()
            assert app._process.wait(5) != 0
