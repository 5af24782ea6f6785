"""What the tests of the simulated world share: real nginx, a network, small web servers."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.ca import Authority
from sandbox.network import Network
from sandbox.tools import Tools, find_or_bring


@pytest.fixture(scope="session")
def tools() -> Tools:
    return find_or_bring(print)


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path)
    yield network
    network.close()


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


HEALTH_PATH = "/actuator/health"


class WebServer:
    """A web server whose answer the test sets; counts requests and remembers the last one's headers.

    Health checks ask at any moment: their answer is ``health`` where it is set, and their headers not kept.
    """

    def __init__(self, where: tuple[str, int], certificate: tuple[Path, Path] | None = None) -> None:
        self.status, self.body, self.requests = 200, b"hello", 0
        self.health: int | None = None
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                checked = self.path == HEALTH_PATH
                if not checked:
                    outer.headers = dict(self.headers)
                self.send_response(outer.health if checked and outer.health else outer.status)
                self.send_header("Content-Length", str(len(outer.body)))
                self.end_headers()
                self.wfile.write(outer.body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(where, Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def serve() -> Iterator[Callable[..., WebServer]]:
    servers: list[WebServer] = []

    def start(where: tuple[str, int], certificate: tuple[Path, Path] | None = None) -> WebServer:
        servers.append(WebServer(where, certificate))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()
