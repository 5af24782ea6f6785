"""Name look-ups the way a visitor's resolver does them: real DNS queries, answers kept for their TTL."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype

_QUERY_TIMEOUT_S = 1.0


class NoAddress(ConnectionError):
    """The name has no address now, or the name server did not answer."""


class Pinned:
    """Answers the same addresses whatever DNS says, as a partner's hosts file or an internal caller does."""

    def __init__(self, addresses: Sequence[str]) -> None:
        self._addresses = list(addresses)

    def addresses(self, name: str) -> list[str]:
        """Those addresses."""
        return self._addresses


class Resolver:
    """Asks one name server for A records.

    Args:
        server: address and UDP port of the name server.
        clock: seconds, monotonic; tests pass their own.
    """

    def __init__(self, server: tuple[str, int], clock: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._clock = clock
        self._mutex = threading.Lock()
        self._kept: dict[str, tuple[float, list[str]]] = {}

    def addresses(self, name: str) -> list[str]:
        """IPv4 addresses of ``name``, from the cache while their TTL lasts.

        Raises:
            NoAddress: no answer, an error code, or an answer without an address.
        """
        with self._mutex:
            until, addresses = self._kept.get(name, (0.0, []))
        if self._clock() < until:
            return addresses
        addresses, ttl = self._ask(name)
        with self._mutex:
            self._kept[name] = (self._clock() + ttl, addresses)
        return addresses

    def _ask(self, name: str) -> tuple[list[str], int]:
        query = dns.message.make_query(name, dns.rdatatype.A)
        try:
            answer = dns.query.udp(query, self._server[0], port=self._server[1], timeout=_QUERY_TIMEOUT_S)
        except (dns.exception.DNSException, OSError) as error:
            raise NoAddress(f"{name}: the name server at {self._server} did not answer: {error!r}") from error
        sets = [records for records in answer.answer if records.rdtype == dns.rdatatype.A]
        addresses = [record.to_text() for records in sets for record in records]
        if not addresses:
            raise NoAddress(f"{name}: {dns.rcode.to_text(answer.rcode())} without an address")
        return addresses, min(records.ttl for records in answer.answer)
