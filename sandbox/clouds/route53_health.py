"""Route 53's health checkers: real probes of the simulated endpoints.

The real service probes from at least three regions and calls an endpoint healthy while more than 18 % of its
checkers do (developer guide, dns-failover-determining-health-of-endpoints.md). That guards against a partial
network failure, which this sandbox has none of, so one checker stands for all of them.
"""

from __future__ import annotations

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.clouds.route53_rules import Check
from sandbox.network import Network
from sandbox.store import Store

HEALTH_CHECK = "aws:route53/healthCheck:HealthCheck"

# Same source, "How Route 53 determines the status of health checks that monitor an endpoint". The times are
# not divided by the time factor: a probe takes as long here as there.
CONNECT_HTTP_S = 4.0
CONNECT_TCP_S = 10.0
RESPONSE_S = 2.0
SEARCHED_BYTES = 5120
_SHORTEST_INTERVAL_S = 0.2  # two cores carry the whole world: no busier than this


@dataclass(frozen=True)
class Probe:
    """One endpoint check as the resource describes it. Times in seconds of the real service."""

    type: str
    host: str
    address: str
    port: int
    path: str
    search: str | None
    sni: bool
    interval_s: float
    threshold: int

    @staticmethod
    def of(inputs: dict[str, Any]) -> Probe:
        """Read a HealthCheck resource's inputs (not for CALCULATED)."""
        kind = str(inputs["type"])
        secure = kind.startswith("HTTPS")
        fqdn = str(inputs.get("fqdn") or "")
        return Probe(
            type=kind,
            host=fqdn or str(inputs.get("ipAddress")),
            address=str(inputs.get("ipAddress") or fqdn),
            port=int(inputs.get("port") or (443 if secure else 80)),
            path=str(inputs.get("resourcePath") or "/"),
            search=inputs.get("searchString"),
            sni=bool(inputs.get("enableSni", secure)),
            interval_s=float(inputs.get("requestInterval") or 30),
            threshold=int(inputs.get("failureThreshold") or 3),
        )


def passes(probe: Probe, where: tuple[str, int]) -> bool:
    """Probe once; ``where`` is the local address and port that stand for the endpoint.

    HTTP and HTTPS want a 2xx or 3xx in time and, with a search string, the string in the first 5120 bytes;
    certificates are not validated; TCP wants a connection.
    """
    try:
        if probe.type == "TCP":
            socket.create_connection(where, CONNECT_TCP_S).close()
            return True
        with socket.create_connection(where, CONNECT_HTTP_S) as plain:
            plain.settimeout(RESPONSE_S)
            return _answer_passes(probe, _secured(probe, plain) if probe.type.startswith("HTTPS") else plain)
    except (OSError, http.client.HTTPException):
        return False


def _secured(probe: Probe, plain: socket.socket) -> socket.socket:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE  # as the real checkers do
    return context.wrap_socket(plain, server_hostname=probe.host if probe.sni else None)


def _answer_passes(probe: Probe, connection: socket.socket) -> bool:
    client = http.client.HTTPConnection(probe.host)
    client.sock = connection
    try:
        client.request(
            "GET",
            probe.path,
            headers={"Host": probe.host, "User-Agent": "Amazon-Route53-Health-Check-Service (simulated)"},
        )
        response = client.getresponse()
        if not 200 <= response.status < 400:
            return False
        return probe.search is None or probe.search.encode() in response.read(SEARCHED_BYTES)
    finally:
        client.close()


@dataclass
class Counter:
    """Turns single probes into a status: ``threshold`` equal results in a row change it."""

    threshold: int
    healthy: bool | None = None
    _last: bool | None = field(default=None, repr=False)
    _run: int = field(default=0, repr=False)

    def count(self, passed: bool) -> bool | None:
        """Take one result; the status after it, None until there is enough data."""
        self._run = self._run + 1 if passed == self._last else 1
        self._last = passed
        if self._run >= self.threshold:
            self.healthy = passed
        return self.healthy


class Checkers:
    """One thread per endpoint check that exists in the Store; call ``sync`` after the Store changed.

    Args:
        store: the simulated AWS account.
        network: turns an endpoint into a local address.
        time_factor: how much faster than the real service the intervals pass.
        look_up: resolves names of the hosted zone itself, None for names it does not hold.
    """

    def __init__(
        self, store: Store, network: Network, time_factor: float, look_up: Callable[[str], str | None]
    ) -> None:
        self._store = store
        self._network = network
        self._time_factor = time_factor
        self._look_up = look_up
        self._mutex = threading.Lock()
        self._running: dict[str, tuple[Probe, Counter, threading.Event]] = {}

    def sync(self, *, without: str = "") -> None:
        """Start checkers for new or changed checks, end those of checks that are gone or disabled.

        Args:
            without: id of a check that is about to leave the Store.
        """
        wanted = {
            resource.id: Probe.of(resource.inputs)
            for resource in self._store.find(HEALTH_CHECK)
            if resource.inputs.get("type") != "CALCULATED"
            and not resource.inputs.get("disabled")
            and resource.id != without
        }
        with self._mutex:
            for check_id in [key for key, value in self._running.items() if wanted.get(key) != value[0]]:
                self._running.pop(check_id)[2].set()
            for check_id, probe in wanted.items():
                if check_id not in self._running:
                    entry = (probe, Counter(probe.threshold), threading.Event())
                    self._running[check_id] = entry
                    threading.Thread(
                        target=self._check, args=entry, name=f"checker {check_id}", daemon=True
                    ).start()

    def _check(self, probe: Probe, counter: Counter, stopped: threading.Event) -> None:
        interval = max(probe.interval_s / self._time_factor, _SHORTEST_INTERVAL_S)
        while not stopped.is_set():
            began = time.monotonic()
            address = self._look_up(probe.address) or probe.address
            counter.count(passes(probe, self._network.endpoint(address, probe.port)))
            stopped.wait(max(0.0, interval - (time.monotonic() - began)))

    def observed(self) -> dict[str, bool | None]:
        """What the checkers saw per check, before inversion; None while there is not enough data."""
        with self._mutex:
            return {check_id: counter.healthy for check_id, (_, counter, _) in self._running.items()}

    def all_report(self) -> bool:
        """Whether every endpoint check has data: the moment to move the public name onto the tree."""
        return all(status is not None for status in self.observed().values())

    def stop(self) -> None:
        """End all checkers; they finish their probe in the background."""
        with self._mutex:
            for _, _, stopped in self._running.values():
                stopped.set()
            self._running.clear()


def checks_of(store: Store) -> dict[str, Check]:
    """Every health check of the account, as the rules see it."""
    return {
        resource.id: Check(
            id=resource.id,
            inverted=bool(resource.inputs.get("invertHealthcheck")),
            disabled=bool(resource.inputs.get("disabled")),
            children=tuple(resource.inputs.get("childHealthchecks") or ())
            if resource.inputs.get("type") == "CALCULATED"
            else None,
            threshold=resource.inputs.get("childHealthThreshold"),
        )
        for resource in store.find(HEALTH_CHECK)
    }
