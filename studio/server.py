"""What the web server adds to Streamlit: it recognises browsers, bounds what they send, and ends when told to."""

from __future__ import annotations

import asyncio
import os
import secrets
import signal
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http.cookies import CookieError, SimpleCookie
from typing import Any

import streamlit as st
from starlette.datastructures import Headers, MutableHeaders
from starlette.middleware import Middleware
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from streamlit import config, runtime
from streamlit.runtime.stats import CacheStat

from studio.common.visitor import COOKIE, TOKEN
from unet.errors import ConfigError
from unet.runs.pruning import prune
from unet.settings import MB, read_settings

YEAR = 365 * 24 * 3600
UPLOADS = "/_stcore/upload_file/"
FRAMING = 64 * 1024  # bytes: what a form adds to the file in it
# Uploads are held in memory until the page has stored them; those of all visitors together, in largest uploads.
UPLOADS_HELD = 2
SECONDS_OF_LINGERING = 10.0
SECONDS_TO_END = 3.0
HOUR = 3600.0


class KnowAgain:
    """Give each browser a random token, once, in a cookie that no script can read."""

    def __init__(self, app: ASGIApp):
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope) if scope["type"] == "http" else {}
        if "text/html" not in headers.get("accept", "") or _token(headers.get("cookie", "")):
            await self.app(scope, receive, send)
            return
        secure = "https" in (scope.get("scheme"), headers.get("x-forwarded-proto"))
        cookie = f"{COOKIE}={secrets.token_urlsafe()}; Path=/; Max-Age={YEAR}; HttpOnly; SameSite=Lax"

        async def send_with_cookie(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).append("set-cookie", f"{cookie}; Secure" if secure else cookie)
            await send(message)

        await self.app(scope, receive, send_with_cookie)


def _token(cookies: str) -> str:
    try:
        found = SimpleCookie(cookies).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found and TOKEN.fullmatch(found.value) else ""


class BoundUploads:
    """Refuse an upload that is too large, or that memory has no room for beside those of the other visitors."""

    def __init__(self, app: ASGIApp):
        self.app = app
        self.arriving = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or UPLOADS not in scope["path"] or scope["method"] in ("DELETE", "OPTIONS"):
            await self.app(scope, receive, send)
            return
        most = read_settings().max_upload_mb * MB
        length = Headers(scope=scope).get("content-length", "")
        if not length.isdecimal():
            refusal = 411, "Say how long the upload is."
        elif int(length) > most + FRAMING:
            refusal = 413, f"At most {most // MB} MB at a time."
        elif int(length) + self.arriving + _held() > UPLOADS_HELD * (most + FRAMING):
            refusal = 503, "The server is busy with the uploads of others. Try again in a minute."
        else:
            self.arriving += int(length)
            try:
                await self.app(scope, receive, send)
            finally:
                self.arriving -= int(length)
            return
        await _refuse(PlainTextResponse(refusal[1], refusal[0], {"connection": "close"}), scope, receive, send)


async def _refuse(answer: PlainTextResponse, scope: Scope, receive: Receive, send: Send) -> None:
    """Answer at once, and read on for a while: a connection closed on a browser that still sends loses the answer."""

    async def send_unfinished(message: Message) -> None:
        await send({**message, "more_body": True} if message["type"] == "http.response.body" else message)

    await answer(scope, receive, send_unfinished)
    with suppress(TimeoutError):
        async with asyncio.timeout(SECONDS_OF_LINGERING):
            while (await receive()).get("more_body", False):
                pass
    await send({"type": "http.response.body"})


def _held() -> int:
    """Return how many bytes of uploads Streamlit holds in memory."""
    stats = runtime.get_instance().uploaded_file_mgr.get_stats() if runtime.exists() else {}
    return sum(stat.byte_length for family in stats.values() for stat in family if isinstance(stat, CacheStat))


@asynccontextmanager
async def lifespan(app: st.App) -> AsyncIterator[dict[str, Any]]:
    """Take over the settings, and see to it that the server ends soon after it is told to."""
    _end_in_time()
    st.secrets.load_if_toml_exists()
    with suppress(ConfigError):  # the pages say so
        config.set_option("server.maxUploadSize", read_settings().max_upload_mb)
    ended = threading.Event()
    threading.Thread(target=_keep_house, args=(ended,), name="housekeeping", daemon=True).start()
    yield {}
    ended.set()


def _keep_house(ended: threading.Event) -> None:
    """Let go of what is too old or too much, at once and each hour."""
    while True:
        with suppress(ConfigError, OSError):
            prune(read_settings())
        if ended.wait(HOUR):
            return


def _end_in_time() -> None:
    """End the process some seconds after SIGTERM or SIGINT, whatever its threads are still at.

    By itself the server would wait for each connection, each page and each prediction to end. All that is kept is
    written whole or not at all, and trainings are processes of their own, so nothing is lost.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    for number in (signal.SIGTERM, signal.SIGINT):
        before = signal.getsignal(number)

        def end(number: int, frame: Any, before: Any = before) -> None:
            threading.Thread(target=_end_after, args=(SECONDS_TO_END, 128 + number), daemon=True).start()
            if callable(before):
                before(number, frame)

        signal.signal(number, end)


def _end_after(seconds: float, code: int) -> None:
    time.sleep(seconds)
    os._exit(code)


MIDDLEWARE = [Middleware(KnowAgain), Middleware(BoundUploads)]
