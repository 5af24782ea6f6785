"""A proxy between the agent and the Blob endpoint that does what networks and services do at their worst.

Each ``Trouble`` names the requests it meets, by kind and number, so that a seed leads to the same schedule.
"""

from __future__ import annotations

import contextlib
import http.client
import re
import socket
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from typing import Any, Literal

What = Literal["lost answer", "refused", "cut request", "cut answer", "slow", "stalled"]
_BUSY = b'<?xml version="1.0" encoding="utf-8"?><Error><Code>ServerBusy</Code><Message>busy</Message></Error>'
_UPSTREAM_PATIENCE_S = 30.0
_KINDS = (
    ("segment", r"PUT .*/binlog/"),
    ("pack", r"PUT .*/packs/"),
    ("manifest", r"PUT .*/backup_[^/]*\.json"),
    ("dump", r"PUT .*/backup_[^/]*\.sql\.gz"),
    ("signal", r"PUT .*/signals-"),
    ("listing", r"GET .*comp=list"),
    ("control", r"GET .*/control-"),
    ("read", r"GET .*"),
)
KINDS = tuple(name for name, _ in _KINDS)


@dataclass
class Trouble:
    """What happens to requests ``first`` to ``first + count - 1`` of a kind, counted from 0 when it is set.

    Attributes:
        what: ``lost answer``: the request is carried out and its answer is not sent. ``refused``: 503, not
            carried out. ``cut request``: the connection ends while the body is read. ``cut answer``:
            it ends within the answer's body. ``slow``, ``stalled``: it waits for ``seconds``, and a stalled
            one then ends unanswered, carried out or not by the sign of the request's number.
    """

    what: What
    kind: str
    first: int
    count: int
    seconds: float
    seen: int = 0

    def meets(self, kind: str) -> bool:
        """Count a request; whether it is one of those in trouble."""
        if kind != self.kind:
            return False
        self.seen += 1
        return self.first < self.seen <= self.first + self.count


def random_trouble(random: Random) -> Trouble:
    """One of everything that a network does, within what an agent has to bear in a short round."""
    kind = random.choice(KINDS)
    writes = ("lost answer", "refused", "cut request", "slow", "stalled")
    reads = ("lost answer", "refused", "cut answer", "slow", "stalled")
    what = random.choice(writes if kind in KINDS[:5] else reads)
    return Trouble(
        what,  # type: ignore[arg-type]
        kind,
        first=random.randrange(6),
        count=random.choice((1, 1, 1, 2, 3)),
        seconds=random.uniform(0.05, 1.0),
    )


class Proxy:
    """Listens on an address of its own and forwards to the endpoint; safe for many connections at once.

    Attributes:
        endpoint: the account's URL through the proxy.
        log: what was done to whom, in order.
    """

    def __init__(self, address: str, upstream: tuple[str, int], account: str) -> None:
        self.log: list[str] = []
        self._upstream = upstream
        self._troubles: list[Trouble] = []
        self._mutex = threading.Lock()
        self._open = True
        proxy = self

        class Handler(_Handler):
            owner = proxy

        self._server = _Server((address, 0), Handler)
        self.endpoint = f"http://{address}:{self._server.server_address[1]}/{account}"
        self._thread = threading.Thread(target=self._server.serve_forever, name="proxy", daemon=True)
        self._thread.start()

    def set(self, *troubles: Trouble) -> None:
        """Replace all troubles."""
        with self._mutex:
            self._troubles = list(troubles)

    def add(self, trouble: Trouble) -> None:
        """One more."""
        with self._mutex:
            self._troubles.append(trouble)

    def cut(self, *, off: bool) -> None:
        """Refuse every connection (the network is gone), or accept them again."""
        self._open = not off

    def close(self) -> None:
        """End it."""
        self._server.shutdown()
        self._server.server_close()

    def trouble_of(self, line: str) -> Trouble | None:
        """The trouble that a request, as ``METHOD target``, has to bear."""
        kind = next((name for name, pattern in _KINDS if re.match(pattern, line)), "")
        with self._mutex:
            found = next((one for one in self._troubles if one.meets(kind)), None)
        if found is not None:
            self.log.append(f"{found.what}: {line}")
        return found

    @property
    def is_open(self) -> bool:
        """Whether connections are accepted."""
        return self._open

    def forward(
        self, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, list[tuple[str, str]], bytes]:
        """Carry a request out; status, headers and body of the answer.

        Raises:
            OSError, http.client.HTTPException: the endpoint is away.
        """
        connection = http.client.HTTPConnection(*self._upstream, timeout=_UPSTREAM_PATIENCE_S)
        try:
            connection.request(method, target, body=body, headers=headers)
            response = connection.getresponse()
            content = response.read()
        finally:
            connection.close()
        return response.status, response.getheaders(), content


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A connection that the other side gave up is no news here."""


class _Handler(BaseHTTPRequestHandler):
    owner: Proxy
    protocol_version = "HTTP/1.1"
    timeout = 60

    def log_message(self, format: str, *args: Any) -> None:
        """Silent."""

    def do_GET(self) -> None:
        self._serve()

    do_PUT = do_HEAD = do_DELETE = do_POST = do_GET

    def _serve(self) -> None:
        if not self.owner.is_open:
            self._hang_up()
            return
        trouble = self.owner.trouble_of(f"{self.command} {self.path}")
        what = trouble.what if trouble else ""
        length = int(self.headers.get("Content-Length") or 0)
        if what == "cut request":
            self.rfile.read(length // 2)
            self._hang_up()
            return
        body = self.rfile.read(length)
        if trouble and what in ("slow", "stalled"):
            time.sleep(trouble.seconds)
        if what == "refused" or (what == "stalled" and trouble and trouble.seen % 2):
            if what == "refused":
                self._answer(503, [("x-ms-error-code", "ServerBusy"), ("Retry-After", "1")], _BUSY)
            else:
                self._hang_up()
            return
        try:
            status, headers, content = self.owner.forward(self.command, self.path, dict(self.headers), body)
        except (OSError, http.client.HTTPException):
            self._hang_up()
            return
        if what in ("lost answer", "stalled") or not self.owner.is_open:
            self._hang_up()
            return
        self._answer(status, headers, content, cut=what == "cut answer")

    def _answer(
        self, status: int, headers: list[tuple[str, str]], content: bytes, *, cut: bool = False
    ) -> None:
        self.send_response_only(status)
        length = str(len(content))
        for name, value in headers:
            if name.lower() == "content-length" and self.command == "HEAD":
                length = value
            if name.lower() not in ("content-length", "transfer-encoding", "connection", "keep-alive"):
                self.send_header(name, value)
        self.send_header("Content-Length", length)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content[: len(content) // 2] if cut else content)
        if cut:
            self._hang_up()

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)
