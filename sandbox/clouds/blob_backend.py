"""The Azurite account behind all simulated storage accounts: names, connections, streaming.

Azurite learns of new accounts only after a minute, so all simulated accounts share one and each container
carries its account's name in front. Account names have no hyphen, so no two names collide.
"""

from __future__ import annotations

import http.client
import io
import re
import threading
import time
from collections.abc import Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import Protocol
from urllib.parse import quote, urlencode

from sandbox.clouds.request_body import RequestBody

_MAX_CONTAINER = 63
_REUSE_S = (
    2.0  # Azurite drops an idle connection after 5 s; a stale one could not be retried with a streamed body
)
_TIMEOUT_S = 120.0
_PIECE = 256 * 1024
_BODILESS = {"GET", "HEAD", "OPTIONS"}


class Azurite(Protocol):
    """What the gate needs to know of a running Azurite (``sandbox/azurite.py``)."""

    address: str
    port: int
    account: str
    sas: str


class ContainerNameError(ValueError):
    """The container's name has no place in Azurite."""


class BackendGoneError(RuntimeError):
    """Azurite did not take a request or did not answer it."""


@contextmanager
def _azurite_speaks() -> Generator[None]:
    try:
        yield
    except (OSError, http.client.HTTPException) as error:
        raise BackendGoneError(f"Azurite did not answer: {error!r}") from error


def backend_name(account: str, container: str) -> str:
    """Azurite's name for a container.

    Raises:
        ContainerNameError: account and container are too long together, or a special container other than
        ``$web``.
    """
    if container == "$web":
        return account
    name = f"{account}-{container}"
    if container.startswith("$") or len(name) > _MAX_CONTAINER:
        raise ContainerNameError(
            f"container {container!r} of account {account!r}: the sandbox keeps it as {name!r}, which must "
            f"have at most {_MAX_CONTAINER} characters and no '$' (only $web is known)"
        )
    return name


def container_of(account: str, name: str) -> str | None:
    """The container behind one of Azurite's names, None when it belongs to another account."""
    if name == account:
        return "$web"
    return name.removeprefix(f"{account}-") if name.startswith(f"{account}-") else None


class BlobBackend:
    """Sends requests to Azurite over a few kept-alive connections; safe for threads."""

    def __init__(self, azurite: Azurite) -> None:
        self._azurite = azurite
        self._mutex = threading.Lock()
        self._idle: list[tuple[float, http.client.HTTPConnection]] = []

    @contextmanager
    def send(
        self,
        method: str,
        container: str,
        blob: str = "",
        *,
        query: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | RequestBody = b"",
    ) -> Generator[http.client.HTTPResponse]:
        """One request to a container by Azurite's name; yields the response with its body still unread.

        Args:
            blob: unencoded blob name, empty for a request to the container itself.
            body: of known length; sent as it is read, never held as a whole.

        Raises:
            BackendGoneError: Azurite does not answer.
            ConnectionError: the client that sends the body went away.
        """
        path = "/".join(part for part in (self._azurite.account, container, blob) if part)
        url = f"/{quote(path, safe='/')}?{self._azurite.sas}"
        if query:
            url += f"&{urlencode(query)}"
        connection = self._take()
        try:
            with _azurite_speaks():
                connection.putrequest(method, url, skip_accept_encoding=True)
                for name, value in (headers or {}).items():
                    connection.putheader(name, value)
                if method not in _BODILESS:
                    length = len(body) if isinstance(body, bytes) else body.length
                    connection.putheader("Content-Length", str(length))
                connection.endheaders()
            if method not in _BODILESS:
                _send_body(connection, body)
            with _azurite_speaks():
                response = connection.getresponse()
            yield response
            reusable = response.isclosed() and not response.will_close
        except BaseException:
            connection.close()
            raise
        if reusable:
            with self._mutex:
                self._idle.append((time.monotonic(), connection))
        else:
            connection.close()

    def pieces(self, response: http.client.HTTPResponse) -> Iterable[bytes]:
        """The response's body, piece by piece."""
        return iter(lambda: response.read(_PIECE), b"")

    def close(self) -> None:
        """Close the idle connections."""
        with self._mutex:
            for _, connection in self._idle:
                connection.close()
            self._idle.clear()

    def _take(self) -> http.client.HTTPConnection:
        with self._mutex:
            while self._idle:
                since, connection = self._idle.pop()
                if time.monotonic() - since < _REUSE_S:
                    return connection
                connection.close()
        return http.client.HTTPConnection(self._azurite.address, self._azurite.port, timeout=_TIMEOUT_S)


def _send_body(connection: http.client.HTTPConnection, body: bytes | RequestBody) -> None:
    source = io.BytesIO(body) if isinstance(body, bytes) else body
    while piece := source.read(_PIECE):
        with _azurite_speaks():
            connection.send(piece)


def container_list(account: str, xml: str, endpoint: str, prefix: str) -> str:
    """Azurite's List Containers reply as the account would give it: only its own, by their own names."""

    def own(match: re.Match[str]) -> str:
        container = container_of(account, match["name"])
        if container is None or not container.startswith(prefix):
            return ""
        return match[0].replace(f"<Name>{match['name']}</Name>", f"<Name>{container}</Name>", 1)

    xml = re.sub(r"<Container><Name>(?P<name>[^<]*)</Name>.*?</Container>", own, xml, flags=re.DOTALL)
    xml = re.sub(
        r"<Prefix>[^<]*</Prefix>", f"<Prefix>{prefix}</Prefix>" if prefix else "<Prefix/>", xml, count=1
    )
    return re.sub(r'ServiceEndpoint="[^"]*"', f'ServiceEndpoint="{endpoint}"', xml, count=1)


def blob_list(container: str, xml: str, endpoint: str) -> str:
    """Azurite's List Blobs reply with the account's own endpoint and container name."""
    return re.sub(
        r'ServiceEndpoint="[^"]*" ContainerName="[^"]*"',
        lambda _: f'ServiceEndpoint="{endpoint}" ContainerName="{container}"',
        xml,
        count=1,
    )
