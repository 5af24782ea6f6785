"""HTTP in front of the clinic, and the program's start and end."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from . import schema
from .clinic import Clinic, Request
from .database import Database, DatabaseError
from .settings import Settings, SettingsError

_START_PATIENCE_S = 20  # the original gives up after about as long without its database (seen running)
_BODY_LIMIT = 64 * 1024


class Server(ThreadingHTTPServer):
    """One thread per connection."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, address: tuple[str, int], clinic: Clinic) -> None:
        self.clinic = clinic
        super().__init__(address, _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news; anything else is."""
        if not isinstance(sys.exception(), ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def _serve(self) -> None:
        url = urlsplit(self.path)
        fields = dict(parse_qsl(url.query, keep_blank_values=True))
        length = self.headers.get("Content-Length", "0")
        if not length.isdecimal() or int(length) > _BODY_LIMIT or "Transfer-Encoding" in self.headers:
            self.close_connection = True
            self.send_error(413)
            return
        if self.command == "POST":
            form = self.rfile.read(int(length)).decode("utf-8", "replace")
            fields |= dict(parse_qsl(form, keep_blank_values=True))
        reply = self.server.clinic.answer(Request(self.command, url.path, fields))
        body = reply.body.encode()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        self.send_header("Content-Length", str(len(body)))
        if reply.location is not None:
            self.send_header("Location", reply.location)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_HEAD = _serve

    def log_message(self, format: str, *args: object) -> None:
        """Quiet: the load balancer in front keeps the access log."""


def start(settings: Settings) -> Server:
    """Connect, make the schema where told to, and listen.

    Raises:
        DatabaseError: no answer within 20 seconds.
        OSError: the address cannot be had.
    """
    database = Database(settings)
    give_up = time.monotonic() + _START_PATIENCE_S
    while True:
        try:
            database.query("SELECT 1")
            break
        except DatabaseError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.5)
    if settings.init_schema:
        schema.create(database)
    return Server((settings.address, settings.port), Clinic(database))


def main() -> int:
    """Run until SIGTERM or Ctrl-C; 1 and one sentence when it cannot start."""
    try:
        server = start(Settings.from_environment(os.environ))
    except (SettingsError, DatabaseError, OSError) as error:
        print(f"petclinic: {error}", file=sys.stderr)
        return 1
    # shutdown() waits for serve_forever() to end, so it must not run in the thread that serves
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: threading.Thread(target=server.shutdown).start())
    print(f"petclinic: serving on port {server.server_port}", flush=True)
    server.serve_forever(poll_interval=0.1)
    server.server_close()
    return 0
