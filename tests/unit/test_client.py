"""The client: real DNS, real TLS, and an outcome for whatever the other side does."""

from __future__ import annotations

import http.server
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import trustme
from dnslib import QTYPE, RR, A, DNSRecord  # pyright: ignore[reportPrivateImportUsage]
from dnslib.server import DNSHandler, DNSServer

from cli.rehearse.browser import Browser, NoAnswer
from cli.rehearse.client import Client, Outcome
from cli.rehearse.ledger import Ledger
from cli.rehearse.resolver import NoAddress, Resolver

NAME = "petclinic.example.com"
_LOCATIONS = {
    "written": "/owners/41",
    # what the real Spring PetClinic answers to a visitor without a cookie (seen 2026-11-23)
    "spring": f"https://{NAME}/owners/41;jsessionid=C0FFEE0123456789",
    "elsewhere": "/login",
}


class Zone:
    """A name server with one answer that tests change."""

    def __init__(self) -> None:
        self.answer: list[str] = ["203.0.113.7"]
        self.ttl = 5
        self.asked = 0

    def resolve(self, request: DNSRecord, _: DNSHandler) -> Any:
        self.asked += 1
        reply = request.reply()
        for address in self.answer:
            reply.add_answer(RR(NAME, QTYPE.A, rdata=A(address), ttl=self.ttl))
        return reply


class Site(http.server.BaseHTTPRequestHandler):
    """Answers as the class attribute says."""

    mode = "written"

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        if self.mode == "broken":
            self.close_connection = True
            return
        self.send_response({"maintenance": 502, "form": 200}.get(self.mode, 302))
        if self.mode in _LOCATIONS:
            self.send_header("Location", _LOCATIONS[self.mode])
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def name_server() -> Iterator[tuple[Zone, tuple[str, int]]]:
    zone = Zone()
    server = DNSServer(zone, address="127.0.0.1", port=0)
    server.start_thread()
    yield zone, server.server.server_address
    server.stop()
    server.server.server_close()


@pytest.fixture
def zone(name_server: tuple[Zone, tuple[str, int]]) -> tuple[Zone, tuple[str, int]]:
    name_server[0].__init__()  # each test finds the first answer again
    return name_server


@pytest.fixture
def world(
    zone: tuple[Zone, tuple[str, int]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Client, Ledger]]:
    monkeypatch.setattr("cli.rehearse.resolver._QUERY_TIMEOUT_S", 30.0)
    monkeypatch.setattr("cli.rehearse.browser._TIMEOUT_S", 30.0)
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(NAME).configure_cert(context)
    site = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    site.socket = context.wrap_socket(site.socket, server_side=True)
    threading.Thread(target=site.serve_forever, daemon=True).start()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    ledger = Ledger(tmp_path / "ledger.jsonl")
    port = site.server_address[1]

    def route(address: str, wanted: int) -> tuple[str, int]:
        assert wanted == 443
        return ("127.0.0.1", 1) if address == "203.0.113.66" else ("127.0.0.1", port)

    browser = Browser(NAME, Resolver(zone[1]), route, tmp_path / "ca.pem")
    client = Client(
        browser,
        lambda address: "aws" if address.startswith("203.") else "azure",
        ledger,
        journal=tmp_path / "journal.jsonl",
        run="run1",
        pause_s=0.01,
    )
    yield client, ledger
    site.shutdown()
    site.server_close()
    ledger.close()


@pytest.mark.parametrize(
    ("mode", "outcome", "entries"),
    [
        ("written", Outcome.WRITTEN, 1),
        ("spring", Outcome.WRITTEN, 1),
        ("maintenance", Outcome.PAGE, 0),
        ("form", Outcome.PAGE, 0),  # refused input: 200, but nothing was written
        ("elsewhere", Outcome.PAGE, 0),
        ("broken", Outcome.NOTHING, 0),
    ],
)
def test_only_an_acknowledgement_reaches_the_ledger(
    world: tuple[Client, Ledger], monkeypatch: pytest.MonkeyPatch, mode: str, outcome: Outcome, entries: int
) -> None:
    monkeypatch.setattr(Site, "mode", mode)
    attempt = world[0].attempt()
    assert attempt.outcome is outcome
    assert attempt.cloud == "aws"
    assert len(world[1].entries()) == entries


def test_an_answer_that_never_came_says_that_the_request_was_sent(
    world: tuple[Client, Ledger], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Site, "mode", "broken")
    assert world[0].attempt().detail.startswith("sent; ")


def test_it_tries_the_next_address(world: tuple[Client, Ledger], zone: tuple[Zone, tuple[str, int]]) -> None:
    zone[0].answer = ["203.0.113.66", "198.51.100.9"]
    assert world[0].attempt().cloud == "azure"
    assert world[1].entries()[0].owner == 41


def test_a_name_without_an_address_is_no_answer(
    world: tuple[Client, Ledger], zone: tuple[Zone, tuple[str, int]]
) -> None:
    zone[0].answer = []
    attempt = world[0].attempt()
    assert (attempt.outcome, attempt.cloud) == (Outcome.NOTHING, "")


def test_it_runs_until_stopped_and_keeps_a_journal(world: tuple[Client, Ledger], tmp_path: Path) -> None:
    client, ledger = world
    client.start()
    while len(ledger.entries()) < 3:
        client.check()
    client.stop()
    assert len(client.attempts()) == len((tmp_path / "journal.jsonl").read_text().splitlines())


def test_a_certificate_for_another_name_is_no_answer(
    world: tuple[Client, Ledger], zone: tuple[Zone, tuple[str, int]]
) -> None:
    browser = world[0].browser
    browser.name = "127.0.0.1"
    with pytest.raises(NoAnswer):
        browser.get("/")


def test_answers_are_kept_for_their_ttl_and_no_longer(zone: tuple[Zone, tuple[str, int]]) -> None:
    now = 100.0
    resolver = Resolver(zone[1], clock=lambda: now)
    assert resolver.addresses(NAME) == ["203.0.113.7"]
    zone[0].answer = ["198.51.100.9"]
    now = 104.9
    assert resolver.addresses(NAME) == ["203.0.113.7"]
    now = 105.1
    assert resolver.addresses(NAME) == ["198.51.100.9"]
    assert zone[0].asked == 2


def test_a_silent_name_server_is_an_error_not_a_wait() -> None:
    with pytest.raises(NoAddress, match="did not answer"):
        Resolver(("127.0.0.1", 9)).addresses(NAME)
