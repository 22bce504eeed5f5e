"""A visitor without a browser: the bytes that one sends to the app, with whatever headers a hostile one would."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlencode, urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import ClientConnection, connect

SECONDS = 60
COOKIE = "unet_browser"


@dataclass
class RawVisitor:
    """A session of the app.

    Attributes
    ----------
    session : str
        Its id.
    page : str
        All that the page was told to draw, as text.
    """

    connection: ClientConnection
    session: str = ""
    page: str = field(default="", repr=False)

    def run(self, page: str = "", **query: str) -> str:
        """Run a page to its end and return what it draws."""
        message = BackMsg()
        message.rerun_script.query_string = urlencode(query)
        message.rerun_script.page_name = page
        self.page = "".join(map(str, self.ask(message)))
        return self.page

    def ask(self, message: BackMsg) -> Iterator[ForwardMsg]:
        """Ask for a run, and yield what comes of it until it ends."""
        message.rerun_script.context_info.url = "http://localhost:8501/"  # which is what a browser says, or anybody
        self.connection.send(message.SerializeToString())
        while True:
            told = ForwardMsg.FromString(self.connection.recv(SECONDS))
            self.session = told.new_session.initialize.session_id or self.session
            yield told
            # The first page of a session sends on through the front door: that run ends, and the next one begins.
            if told.WhichOneof("type") == "script_finished" and told.script_finished in (
                ForwardMsg.FINISHED_SUCCESSFULLY,
                ForwardMsg.FINISHED_FRAGMENT_RUN_SUCCESSFULLY,
                ForwardMsg.FINISHED_WITH_COMPILE_ERROR,
            ):
                return


@contextmanager
def visit(url: str, host: str | None = None, token: str | None = None, **headers: str) -> Iterator[RawVisitor]:
    """Open a session of the app, under a host name and with a cookie and other headers of one's own."""
    address = urlsplit(url)
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    if token:
        sent["Cookie"] = f"{COOKIE}={token}"
    with (
        socket.create_connection((address.hostname, address.port), SECONDS) as raw,
        connect(
            f"ws://{host or address.netloc}/_stcore/stream",
            sock=raw,
            subprotocols=["streamlit"],
            additional_headers=sent,
            max_size=None,
        ) as connection,
    ):
        yield RawVisitor(connection)


def request(
    url: str, method: str, path: str, headers: Mapping[str, str] | None = None, body: bytes | None = None
) -> tuple[int, http.client.HTTPMessage]:
    """Send a request and return the status and the headers of the answer."""
    with closing(http.client.HTTPConnection(urlsplit(url).netloc, timeout=SECONDS)) as connection:
        connection.request(method, path, body, dict(headers or {}))
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers
