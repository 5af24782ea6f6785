"""The HTTP server under every simulated endpoint: threads, keep-alive, TLS, streamed bodies, request log."""

from __future__ import annotations

import contextlib
import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from sandbox.clouds.callers import INTERNET, Caller
from sandbox.clouds.request_body import BadFraming, RequestBody
from sandbox.clouds.request_log import NO_ANSWER, RequestLog

_IDLE_S = 120.0  # a kept-alive connection without a request is closed after this
_HANDSHAKE_S = 10.0
_NO_BODY = {204, 304}

logger = logging.getLogger(__name__)


class Exchange:
    """One request and its reply.

    A service reads ``method``, ``path``, ``query``, ``headers`` and ``body``, and calls one of ``reply``,
    ``relay`` and ``hang_up``. It sets ``caller``, ``target`` and ``error`` for the request log.

    Attributes:
        raw_path: the path as sent (percent-encoded), without the query.
        query: query parameters in order of appearance (values are never logged).
    """

    def __init__(self, handler: BaseHTTPRequestHandler, record: Callable[[Exchange], None]) -> None:
        parts = urlsplit(handler.path)
        self._handler = handler
        self._record = record
        self._recorded = False
        self.method = handler.command
        self.raw_path = parts.path or "/"
        self.path = unquote(self.raw_path)
        self.raw_query = parts.query
        self.query = dict(parse_qsl(parts.query, keep_blank_values=True))
        self.headers = handler.headers
        self.body = RequestBody.of(handler.headers, handler.rfile)
        self.caller: Caller = INTERNET
        self.target = self.path
        self.error: str | None = None
        self.status = NO_ANSWER

    def reply(
        self, status: int, body: bytes = b"", headers: Mapping[str, str] | None = None, kind: str = ""
    ) -> None:
        """Send a whole reply; ``kind`` is its Content-Type."""
        own = {"Content-Type": kind} if kind else {}
        self.relay(status, {**own, **(headers or {})}, [body], len(body))

    def relay(
        self, status: int, headers: Mapping[str, str], chunks: Iterable[bytes], length: int | None
    ) -> None:
        """Send a reply piece by piece; ``length`` None sends it chunked.

        For HEAD ``length`` is announced and no piece is sent.
        """
        self.body.drain()  # an unread rest would be taken for the next request on this connection
        self.status = status
        self.record()  # before the client can see the answer: who has it finds it in the log
        handler = self._handler
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name, value)
        bodiless = self.method == "HEAD" or status in _NO_BODY
        if length is not None and status not in _NO_BODY:
            handler.send_header("Content-Length", str(length))
        elif not bodiless:
            handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        if bodiless:
            return
        for chunk in chunks:
            if length is not None:
                handler.wfile.write(chunk)
            elif chunk:
                handler.wfile.write(b"%x\r\n%b\r\n" % (len(chunk), chunk))
        if length is None:
            handler.wfile.write(b"0\r\n\r\n")

    def hang_up(self) -> None:
        """Close the connection without an answer, as a service that is gone does."""
        self.record()
        self._handler.close_connection = True

    def record(self) -> None:
        """Write the request log's line, once."""
        if not self._recorded:
            self._recorded = True
            self._record(self)


Service = Callable[[Exchange], None]


class HttpServer:
    """One listener; every connection has a thread of its own.

    Args:
        name: the service's name in the request log.
        endpoint: loopback address and port.
        service: called once for every request; an exception becomes a 500 and is logged with its traceback.
        certificate: certificate and key file for HTTPS, None for plain HTTP.
    """

    def __init__(
        self,
        name: str,
        endpoint: tuple[str, int],
        service: Service,
        *,
        log: RequestLog,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        scheme = "https" if certificate else "http"
        self.url = f"{scheme}://{endpoint[0]}:{endpoint[1]}"
        self._make = lambda: _Server(name, endpoint, service, log, certificate)
        self._server: _Server | None = None

    def start(self) -> None:
        """Start answering.

        Raises:
            OSError: the address is taken.
        """
        server = self._server = self._make()
        threading.Thread(target=server.serve_forever, args=(0.1,), name=server.name, daemon=True).start()

    def stop(self) -> None:
        """Stop listening and drop every open connection; nothing happens when it does not run."""
        server, self._server = self._server, None
        if server:
            server.shutdown()
            server.server_close()
            server.drop_connections()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(
        self,
        name: str,
        endpoint: tuple[str, int],
        service: Service,
        log: RequestLog,
        certificate: tuple[Path, Path] | None,
    ) -> None:
        self.name, self.service, self.log = name, service, log
        self._tls: ssl.SSLContext | None = None
        if certificate:
            self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self._tls.minimum_version = ssl.TLSVersion.TLSv1_2
            self._tls.load_cert_chain(*certificate)
        self._open: set[socket.socket] = set()
        self._mutex = threading.Lock()
        super().__init__(endpoint, _Handler)

    def server_bind(self) -> None:
        TCPServer.server_bind(self)  # HTTPServer's own would also look the address up in DNS
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake happens in the connection's own thread: a client that never speaks blocks nobody else.
        connection: socket.socket = request
        try:
            if self._tls:
                connection.settimeout(_HANDSHAKE_S)
                connection = self._tls.wrap_socket(connection, server_side=True)
            with self._mutex:
                self._open.add(connection)
            _Handler(connection, client_address, self)
        except OSError as error:  # ssl.SSLError is one: the client went away or does not trust us
            logger.debug("%s: connection from %s ended: %s", self.name, client_address, error)
        finally:
            with self._mutex:
                self._open.discard(connection)
            connection.close()

    def record(self, exchange: Exchange) -> None:
        self.log.write(
            service=self.name,
            caller=exchange.caller,
            method=exchange.method,
            target=exchange.target,
            status=exchange.status,
            error=exchange.error,
        )

    def drop_connections(self) -> None:
        with self._mutex:
            for connection in self._open:
                with contextlib.suppress(OSError):  # the client was faster
                    connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = _IDLE_S
    disable_nagle_algorithm = True
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]

    def _serve(self) -> None:
        try:
            exchange = Exchange(self, self.server.record)
        except BadFraming as error:
            self.send_error(400, str(error))  # which also closes the connection
            return
        try:
            self.server.service(exchange)
        except OSError:
            raise  # the client is gone; finish_request notes it
        except Exception as error:
            logger.exception("%s: %s %s failed", self.server.name, exchange.method, exchange.target)
            exchange.error = type(error).__name__
            if exchange.status != NO_ANSWER:
                self.close_connection = True  # half a reply is out: only the connection's end can tell
            else:
                exchange.reply(
                    500, f"the sandbox's {self.server.name} failed: {error}".encode(), kind="text/plain"
                )
        finally:
            exchange.record()

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_OPTIONS = do_PATCH = _serve

    def version_string(self) -> str:
        return "simulated"

    def log_message(self, format: str, *args: Any) -> None:
        logger.debug(format, *args)
