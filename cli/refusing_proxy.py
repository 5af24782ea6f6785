"""An HTTP proxy on loopback that writes down where every request wants to go, and refuses it."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from urllib.parse import urlsplit


@dataclass(frozen=True)
class Attempt:
    """One request that went no further.

    Attributes:
        method: ``CONNECT`` for anything over TLS, whose inside the proxy never sees.
        host: the name that was to be reached, without the port.
    """

    method: str
    host: str


class RefusingProxy:
    """``with RefusingProxy() as proxy:`` and programs that are given ``proxy.environment()``."""

    def __init__(self) -> None:
        self._attempts: list[Attempt] = []
        self._lock = threading.Lock()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def refuse(self) -> None:
                target = self.path if "://" in self.path else f"//{self.path}"
                proxy._note(Attempt(self.command, urlsplit(target).hostname or self.headers.get("Host", "?")))
                # An SDK that reads a status of the cloud's own would try again; a refused proxy is final.
                self.send_error(403, "recorded and refused")
                self.close_connection = True

            do_CONNECT = do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = refuse

            def log_message(self, format: str, *args: object) -> None:
                """Quiet: what matters is in ``attempts``."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> RefusingProxy:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _note(self, attempt: Attempt) -> None:
        with self._lock:
            self._attempts.append(attempt)

    def taken(self) -> list[Attempt]:
        """What was tried since the last call of this."""
        with self._lock:
            taken, self._attempts = self._attempts, []
        return taken

    def environment(self) -> Mapping[str, str]:
        """Variables that send a program's requests here, but for those within this machine."""
        url = f"http://127.0.0.1:{self._server.server_address[1]}"
        inside = "127.0.0.1,localhost,::1"
        names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
        found = {name: url for upper in names for name in (upper, upper.lower())}
        return found | {"NO_PROXY": inside, "no_proxy": inside}
