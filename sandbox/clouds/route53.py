"""Route 53's name server for one hosted zone: a real DNS server over UDP and TCP."""

from __future__ import annotations

import json
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dnslib import QTYPE, RCODE, RR, A, DNSRecord  # pyright: ignore[reportPrivateImportUsage]
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer

from sandbox.clouds.route53_changes import Change, Surroundings, changed
from sandbox.clouds.route53_health import Checkers, checks_of
from sandbox.clouds.route53_rules import (
    Alias,
    Answer,
    LoadBalancer,
    Record,
    RecordError,
    Zone,
    name_exists,
    resolve,
)
from sandbox.network import Network
from sandbox.store import Resource, Store

RECORD = "aws:route53/record:Record"
_log = logging.getLogger(__name__)
_DNS_HOST = "ns-1.route53.sandbox"
_DNS_PORT = 53


def _plain(name: str) -> str:
    return name.lower().rstrip(".")


def record_of(resource: Resource, zone_name: str) -> Record:
    """A Record resource as the rules see it; a name without the zone gets it appended.

    Raises:
        RecordError: a routing policy that this sandbox does not know.
    """
    inputs = resource.inputs
    for key in inputs:
        if key.endswith(("RoutingPolicies", "RoutingPolicy")):
            known = ("failoverRoutingPolicies", "weightedRoutingPolicies")
            if inputs[key] and key not in known:
                raise RecordError(f"record {inputs['name']}: {key} is not simulated; extend {__file__}")
    name = _plain(str(inputs["name"]))
    if name != zone_name and not name.endswith("." + zone_name):
        name = f"{name}.{zone_name}" if name else zone_name
    failover = _first(inputs, "failoverRoutingPolicies", "type")
    weight = _first(inputs, "weightedRoutingPolicies", "weight")
    aliases: list[dict[str, Any]] = inputs.get("aliases") or []
    return Record(
        name=name,
        type=str(inputs["type"]),
        values=tuple(str(value) for value in inputs.get("records") or ()),
        ttl=None if inputs.get("ttl") is None else int(inputs["ttl"]),
        alias=Alias(_plain(str(aliases[0]["name"])), bool(aliases[0].get("evaluateTargetHealth")))
        if aliases
        else None,
        failover=failover,
        weight=None if weight is None else int(weight),
        set_identifier=inputs.get("setIdentifier"),
        health_check=inputs.get("healthCheckId") or None,
    )


def _first(inputs: dict[str, Any], key: str, field: str) -> Any:
    policies: list[dict[str, Any]] = inputs.get(key) or []
    return policies[0].get(field) if policies else None


def _kept(file: Path) -> list[Record]:
    def record(each: dict[str, Any]) -> Record:
        alias: dict[str, Any] | None = each.pop("alias")
        values = tuple(each.pop("values"))
        return Record(**each, values=values, alias=Alias(**alias) if alias else None)

    return [record(each) for each in json.loads(file.read_text())]


class Route53:
    """The hosted zone ``zone_name``: its records and checks are those of the Store, read at every query.

    Args:
        root: the sandbox's folder; records that people made are kept in ``zone.json`` there.
        store: the simulated AWS account.
        network: gives the server its address and finds endpoints for the checkers.
        zone_id: the hosted zone's id; records of other zones are not answered here.
        zone_name: the zone's name without a final dot.
        time_factor: TTLs and check intervals are divided by it (a TTL stays at least 1 s).
        load_balancers: the current load balancers by DNS name, asked at every query.
        unmanaged: records that existed before the program (the public name's simple record).
        balancer_zones: the hosted zone id of each load balancer's name, which an alias to it must give.
    """

    def __init__(
        self,
        root: Path,
        store: Store,
        network: Network,
        *,
        zone_id: str,
        zone_name: str,
        time_factor: float,
        load_balancers: Callable[[], Mapping[str, LoadBalancer]],
        unmanaged: tuple[Record, ...] = (),
        balancer_zones: Mapping[str, str] | None = None,
    ) -> None:
        self._file = root / "zone.json"
        self._store = store
        self.zone_id = zone_id
        self.zone_name = _plain(zone_name)
        self._time_factor = time_factor
        self._load_balancers = load_balancers
        self._balancer_zones = balancer_zones or {}
        self._mutex = threading.Lock()
        self._own = _kept(self._file) if self._file.exists() else list(unmanaged)
        self._dice = random.Random()
        self.checkers = Checkers(store, network, time_factor, self._address_in_zone)
        self._where = network.endpoint(_DNS_HOST, _DNS_PORT)
        self._servers: list[DNSServer] = []

    @property
    def dns(self) -> tuple[str, int]:
        """Local address and port of the name server."""
        return self._where

    def start(self) -> None:
        """Answer queries and start the health checkers.

        Raises:
            OSError: the port is taken.
        """
        resolver, logger = _Resolver(self), DNSLogger("error")
        for tcp in (False, True):
            server = DNSServer(resolver, self._where[0], self._where[1], tcp=tcp, logger=logger)
            self._servers.append(server)
            server.start_thread()
        self.checkers.sync()

    def stop(self) -> None:
        """Stop answering and checking."""
        for server in self._servers:
            server.stop()
            server.server.server_close()
        self._servers.clear()
        self.checkers.stop()

    def adopt(self, public_name: str, target: str) -> None:
        """Point ``public_name`` at ``target`` by an alias in place of its earlier record, atomically.

        Raises:
            RecordError: the target does not exist in the zone, or a name is outside of it.
        """
        public_name, target = _plain(public_name), _plain(target)
        for name in (public_name, target):
            if name != self.zone_name and not name.endswith("." + self.zone_name):
                raise RecordError(f"{name} is not in the hosted zone {self.zone_name}")
        if not name_exists(target, self.zone()):
            raise RecordError(f"{target} does not exist yet: run 'pulumi up' first")
        with self._mutex:
            before = [Change("DELETE", record) for record in self._own if record.name == public_name]
        alias = Record(public_name, "A", alias=Alias(target, True))
        self.change([*before, Change("CREATE", alias, self.zone_id)])

    def change(self, batch: Sequence[Change]) -> None:
        """Do a whole change batch to the records that people made, or nothing of it.

        Raises:
            ChangeRefused, NotOursError: nothing was changed.
        """
        with self._mutex:
            self._own = changed(self._own, batch, self._surroundings())
            temporary = self._file.with_suffix(".tmp")
            temporary.write_text(json.dumps([asdict(record) for record in self._own], indent=1))
            temporary.replace(self._file)

    def zone_of_target(self, name: str) -> str:
        """The hosted zone id of what an alias points to."""
        return self._surroundings().zone_of_target(name) or ""

    def _surroundings(self) -> Surroundings:
        return Surroundings(
            zone_id=self.zone_id,
            zone_name=self.zone_name,
            made=self._made(),
            checks=frozenset(checks_of(self._store)),
            balancers=self._balancer_zones,
        )

    def _made(self) -> list[Record]:
        found = self._store.find(RECORD, zoneId=self.zone_id)
        return [record_of(resource, self.zone_name) for resource in found]

    def zone(self) -> Zone:
        """The zone at this moment."""
        with self._mutex:
            records = [*self._made(), *self._own]
        return Zone(records, checks_of(self._store), self.checkers.observed(), self._load_balancers())

    def answer(self, name: str, type: str = "A") -> Answer | None:
        """What a query gets now, TTL as deployed; None when there is no such record."""
        return resolve(_plain(name), type, self.zone(), self._dice.random)

    def ttl(self, deployed_s: int) -> int:
        """A TTL in this sandbox's time, never 0: a resolver may cache 0 forever or not at all."""
        return max(1, round(deployed_s / self._time_factor))

    def _address_in_zone(self, name: str) -> str | None:
        if name != self.zone_name and not name.endswith("." + self.zone_name):
            return None
        answer = self.answer(name)
        return answer.values[0] if answer and answer.values else None


class _Resolver(BaseResolver):
    def __init__(self, service: Route53) -> None:
        self._service = service

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        """Answer A from the zone; NODATA for other types, NXDOMAIN for unknown names, else REFUSED."""
        reply = request.reply()
        asked = request.q.qname
        name = _plain(str(asked))
        if name != self._service.zone_name and not name.endswith("." + self._service.zone_name):
            reply.header.rcode = RCODE.REFUSED
            return reply
        reply.header.aa = 1
        try:
            answer = self._service.answer(name) if request.q.qtype == QTYPE.A else None
            exists = answer is not None or name_exists(name, self._service.zone())
        except RecordError as error:
            reply.header.rcode = RCODE.SERVFAIL
            _log.warning("%s: %s", name, error)
            return reply
        if not exists:
            reply.header.rcode = RCODE.NXDOMAIN
        for value in answer.values if answer else ():
            reply.add_answer(
                RR(asked, QTYPE.A, rdata=A(value), ttl=self._service.ttl(answer.ttl if answer else 0))
            )
        return reply
