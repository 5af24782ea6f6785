"""The name server and the checkers, over real sockets."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dns.message
import dns.query
import dns.rcode
import pytest

from sandbox.clouds.route53 import RECORD, Route53
from sandbox.clouds.route53_health import HEALTH_CHECK, Counter
from sandbox.clouds.route53_rules import LoadBalancer, Record, RecordError
from sandbox.clouds.waiting import wait_for
from sandbox.network import Network
from sandbox.store import Resource, Store

ALB = "k8s-petclinic.ap-northeast-2.elb.amazonaws.com"


class _Endpoint:
    """A web server whose status the test sets."""

    def __init__(self, where: tuple[str, int]) -> None:
        self.status = 200
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self.server = http.server.ThreadingHTTPServer(where, Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def network(tmp_path: Path) -> Iterator[Network]:
    network = Network(tmp_path)
    yield network
    network.close()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "aws.json")


@pytest.fixture
def balancers() -> dict[str, LoadBalancer]:
    return {ALB: LoadBalancer(("13.124.10.11", "3.35.20.22"), ((True,),))}


@pytest.fixture
def route53(
    tmp_path: Path, network: Network, store: Store, balancers: dict[str, LoadBalancer]
) -> Iterator[Route53]:
    public = Record("petclinic.example", "A", ("198.51.100.1",), 300)
    service = Route53(
        tmp_path,
        store,
        network,
        zone_id="Z1",
        zone_name="petclinic.example",
        time_factor=30.0,
        load_balancers=lambda: balancers,
        unmanaged=(public,),
    )
    service.start()
    yield service
    service.stop()


def record(store: Store, name: str, **inputs: Any) -> None:
    number = len(store.all())
    store.put(Resource(RECORD, f"r{number}", "urn", {"name": name, "type": "A", "zoneId": "Z1", **inputs}))


def check(store: Store, id: str, **inputs: Any) -> None:
    store.put(Resource(HEALTH_CHECK, id, "urn", inputs))


def tree(store: Store) -> None:
    record(
        store,
        "mix.dr-app",
        aliases=[{"name": ALB, "zoneId": "ZA", "evaluateTargetHealth": True}],
        weightedRoutingPolicies=[{"weight": 100}],
        setIdentifier="aws",
    )
    record(
        store,
        "dr-app.petclinic.example",
        setIdentifier="primary",
        healthCheckId="origin",
        aliases=[{"name": "mix.dr-app.petclinic.example", "zoneId": "Z1", "evaluateTargetHealth": True}],
        failoverRoutingPolicies=[{"type": "PRIMARY"}],
    )
    record(
        store,
        "dr-app",
        setIdentifier="secondary",
        records=["20.39.1.2"],
        ttl=60,
        failoverRoutingPolicies=[{"type": "SECONDARY"}],
    )


def ask(route53: Route53, name: str, type: str = "A", *, tcp: bool = False) -> dns.message.Message:
    send = dns.query.tcp if tcp else dns.query.udp
    address, port = route53.dns
    return send(dns.message.make_query(name, type), address, timeout=30, port=port)


def addresses(reply: dns.message.Message) -> list[str]:
    return sorted(str(item) for rrset in reply.answer for item in rrset)


def test_answers_over_udp_and_tcp(route53: Route53, store: Store) -> None:
    check(store, "origin", type="CALCULATED", childHealthchecks=[], childHealthThreshold=0)
    tree(store)
    for tcp in (False, True):
        reply = ask(route53, "dr-app.petclinic.example", tcp=tcp)
        assert addresses(reply) == ["13.124.10.11", "3.35.20.22"]
        assert reply.answer[0].ttl == 2  # 60 s of a load balancer's alias, 30 times faster


def test_no_data_name_error_and_foreign_zone(route53: Route53) -> None:
    assert ask(route53, "petclinic.example", "AAAA").rcode() == dns.rcode.NOERROR
    assert not ask(route53, "petclinic.example", "AAAA").answer
    assert ask(route53, "nobody.petclinic.example").rcode() == dns.rcode.NXDOMAIN
    assert ask(route53, "example.com").rcode() == dns.rcode.REFUSED


def test_adopt_moves_the_public_name(route53: Route53, store: Store, tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="does not exist yet"):
        route53.adopt("petclinic.example", "dr-app.petclinic.example")
    assert addresses(ask(route53, "petclinic.example")) == ["198.51.100.1"]
    check(store, "origin", type="CALCULATED", childHealthchecks=[], childHealthThreshold=0)
    tree(store)
    route53.adopt("petclinic.example", "dr-app.petclinic.example")
    assert addresses(ask(route53, "petclinic.example")) == ["13.124.10.11", "3.35.20.22"]


def test_a_record_that_points_nowhere_is_a_server_failure(route53: Route53, store: Store) -> None:
    record(store, "broken", aliases=[{"name": "gone.petclinic.example", "evaluateTargetHealth": False}])
    assert ask(route53, "broken.petclinic.example").rcode() == dns.rcode.SERVFAIL


def test_a_failing_origin_and_the_hold_switch_move_the_answer(
    route53: Route53, store: Store, network: Network
) -> None:
    origin = _Endpoint(network.endpoint("origin.example", 8080))
    hold = _Endpoint(network.endpoint("hold.example", 8080))
    hold.status = 404
    try:
        ends = {"type": "HTTP", "port": 8080, "failureThreshold": 2, "requestInterval": 10}
        check(store, "leg", fqdn="origin.example", resourcePath="/actuator/health", **ends)
        check(store, "hold", fqdn="hold.example", resourcePath="/hold", invertHealthcheck=True, **ends)
        check(store, "origin", type="CALCULATED", childHealthchecks=["leg", "hold"], childHealthThreshold=2)
        tree(store)
        assert addresses(ask(route53, "dr-app.petclinic.example")) == ["20.39.1.2"], "inverted, no data yet"
        route53.checkers.sync()
        here = ["13.124.10.11", "3.35.20.22"]

        def answered() -> list[str]:
            return addresses(ask(route53, "dr-app.petclinic.example"))

        wait_for(lambda: answered() == here, 60, "both checks have data")
        wait_for(route53.checkers.all_report, 60, "the other check has data too")
        origin.status = 503
        wait_for(lambda: answered() == ["20.39.1.2"], 60, "the origin's check fails")
        origin.status = 200
        wait_for(lambda: answered() == here, 60, "the origin's check passes again")
        hold.status = 200
        wait_for(lambda: answered() == ["20.39.1.2"], 60, "the hold switch is on")
    finally:
        origin.stop()
        hold.stop()


def test_a_removed_check_is_no_longer_probed(route53: Route53, store: Store, network: Network) -> None:
    check(store, "tcp", type="TCP", ipAddress="20.1.1.1", port=8443, failureThreshold=1, requestInterval=10)
    route53.checkers.sync()
    wait_for(lambda: route53.checkers.observed() == {"tcp": False}, 60, "the TCP check fails")
    store.remove(HEALTH_CHECK, "tcp")
    route53.checkers.sync()
    assert route53.checkers.observed() == {}


def test_counter_wants_the_threshold_in_a_row_both_ways() -> None:
    counter = Counter(threshold=3)
    assert [counter.count(passed) for passed in (True, True, True)] == [None, None, True]
    assert [counter.count(passed) for passed in (False, False, True, False, False, False)] == [
        True, True, True, True, True, False,
    ]  # fmt: skip
