"""The campaign's own tools: a seed is a schedule, and the proxy does what a trouble's name says."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random

import pytest

from tests.faults.misfortune import Faults
from tests.faults.plan import FAULTS, plan_of
from tests.faults.proxy import Proxy, Trouble
from tests.faults.statements import row_change, schema_change

SEGMENT = "/account/backups-x/binlog/1/uuid/binlog.000001.000000000004.gz"


def test_a_seed_leads_to_the_same_plan_and_the_same_statements() -> None:
    assert plan_of("a-1") == plan_of("a-1") != plan_of("a-2")
    one, other = Random("a"), Random("a")
    for _ in range(300):
        assert row_change(one) == row_change(other)
        assert schema_change(one) == schema_change(other)


def test_every_fault_of_a_plan_can_happen() -> None:
    class Anything:
        def __getattr__(self, name: str) -> Anything:
            return self

    faults = Faults(Anything(), service=True, random=Random(1))  # type: ignore[arg-type]
    assert set(faults._all) == set(FAULTS)
    assert {name for seed in range(400) for _, name in plan_of(f"s-{seed}").faults} == set(FAULTS)


class Upstream(ThreadingHTTPServer):
    """Remembers what was asked of it."""

    daemon_threads = True

    def __init__(self, address: tuple[str, int]) -> None:
        self.seen: list[tuple[str, bytes]] = []
        upstream = self

        class Handler(BaseHTTPRequestHandler):
            def do_PUT(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                upstream.seen.append((self.path, body))
                self.send_response(201)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, format: str, *args: object) -> None:
                """Silent."""

        super().__init__(address, Handler)


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    with Upstream(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(upstream: Upstream) -> Iterator[Proxy]:
    made = Proxy("127.0.0.1", ("127.0.0.1", upstream.server_address[1]), "account")
    yield made
    made.close()


def put(proxy: Proxy, path: str = SEGMENT) -> int | None:
    """The status of a PUT; None when the connection ended without an answer."""
    connection = http.client.HTTPConnection(proxy.endpoint.split("/")[2], timeout=10)
    try:
        connection.request("PUT", path, body=b"x" * 100)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("what", "status", "arrives"),
    [
        ("lost answer", None, True),
        ("refused", 503, False),
        ("cut request", None, False),
        ("cut answer", 201, True),
        ("slow", 201, True),
    ],
)
def test_the_proxy_makes_the_trouble_that_it_is_told(
    proxy: Proxy, upstream: Upstream, what: str, status: int | None, arrives: bool
) -> None:
    proxy.set(Trouble(what, "segment", first=1, count=1, seconds=0.05))  # type: ignore[arg-type]
    assert put(proxy) == 201, "the first is spared"
    assert put(proxy) == status
    assert put(proxy) == 201, "and so is the third"
    assert len(upstream.seen) == 2 + arrives
    assert proxy.log == [f"{what}: PUT {SEGMENT}"]


def test_trouble_of_one_kind_spares_the_others(proxy: Proxy) -> None:
    proxy.set(Trouble("refused", "manifest", first=0, count=5, seconds=0))
    assert put(proxy) == 201
    assert put(proxy, "/account/backups-x/backup_20260101T000000Z.json") == 503


def test_a_cut_network_is_restored(proxy: Proxy) -> None:
    proxy.cut(off=True)
    assert put(proxy) is None
    proxy.cut(off=False)
    assert put(proxy) == 201
