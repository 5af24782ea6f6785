"""One HTTPS request to the public name, as a visitor's browser makes it: resolve, connect, verify, ask."""

from __future__ import annotations

import http.client
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import urlencode

_TIMEOUT_S = 3.0
_FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Answer:
    """What came back.

    Attributes:
        address: the public address that was asked (the simulated one, e.g. the reserved Azure address).
        status: HTTP status.
        location: the Location header, empty when there is none.
        body: the decoded body.
    """

    address: str
    status: int
    location: str
    body: str


class NoAnswer(ConnectionError):
    """No HTTP answer: no address, no connection, bad certificate, time-out, broken off."""

    def __init__(self, reason: str, address: str = "", *, sent: bool = False) -> None:
        super().__init__(reason)
        self.address = address
        self.sent = sent  # whether the request may have reached the application all the same


class Addresses(Protocol):
    """Where a name is looked up."""

    def addresses(self, name: str) -> list[str]:
        """IPv4 addresses of ``name``; raises ConnectionError when there are none."""
        ...


class Browser:
    """Visits one public name over HTTPS; a new connection per request, so that every request follows DNS.

    Args:
        name: the public host name: looked up, sent as SNI and Host, and checked in the certificate.
        resolver: where the name is looked up.
        route: from a public address and port to where a connection really goes on this machine.
        ca_file: the authorities that a visitor's system trusts.
    """

    def __init__(
        self, name: str, resolver: Addresses, route: Callable[[str, int], tuple[str, int]], ca_file: Path
    ) -> None:
        self.name = name
        self._resolver = resolver
        self._route = route
        self._tls = ssl.create_default_context(cafile=str(ca_file))

    def get(self, path: str) -> Answer:
        """GET ``path``.

        Raises:
            NoAnswer: for whatever reason there was no HTTP answer.
        """
        return self._request("GET", path, b"", {})

    def post(self, path: str, fields: Mapping[str, str]) -> Answer:
        """POST a form.

        Raises:
            NoAnswer: for whatever reason there was no HTTP answer.
        """
        return self._request("POST", path, urlencode(fields).encode(), _FORM)

    def _request(self, method: str, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            addresses = self._resolver.addresses(self.name)
        except ConnectionError as error:
            raise NoAnswer(str(error)) from error
        address, connection = self._connect(addresses)
        with connection:
            client = http.client.HTTPConnection(self.name)
            client.sock = connection
            try:
                client.request(method, path, body or None, {"Host": self.name, **headers})
                response = client.getresponse()
                text = response.read().decode("utf-8", "replace")
            except (OSError, http.client.HTTPException) as error:
                raise NoAnswer(repr(error), address, sent=True) from error
        return Answer(address, response.status, response.headers.get("Location", ""), text)

    def _connect(self, addresses: list[str]) -> tuple[str, ssl.SSLSocket]:
        """The first address that takes a connection, as browsers try them."""
        failure: OSError = OSError("no address")
        for address in addresses:
            try:
                plain = socket.create_connection(self._route(address, 443), timeout=_TIMEOUT_S)
            except OSError as error:
                failure = error
                continue
            try:
                return address, self._tls.wrap_socket(plain, server_hostname=self.name)
            except OSError as error:
                plain.close()
                failure = error
        raise NoAnswer(f"{failure}", addresses[-1])
