"""The static website endpoint: what the gateway, the health checkers and users see of ``$web``."""

from __future__ import annotations

import http.client
import ssl

import pytest

from tests.clouds.conftest import Services

ACCOUNT = "drsite"
HOST = f"{ACCOUNT}.z12.web.core.windows.net"


@pytest.fixture
def site(clouds: Services) -> Services:
    clouds.open_account(ACCOUNT)
    clouds.azure.static_website(ACCOUNT)
    clouds.gate.create_container(ACCOUNT, "$web")
    clouds.gate.put_as_operator(ACCOUNT, "$web", "index.html", b"<h1>Maintenance</h1>", "text/html")
    return clouds


def ask(clouds: Services, path: str, *, method: str = "GET", host: str = HOST) -> tuple[int, str, bytes]:
    """Status, content type and body, asked as a real client does: by name, with TLS for that name."""
    trust = ssl.create_default_context(cafile=str(clouds.authority.ca_file))
    address, port = clouds.network.endpoint(HOST, 443)
    connection = http.client.HTTPSConnection(address, port, context=trust)
    try:
        connection.request(method, path, headers={"Host": host})
        answer = connection.getresponse()
        return answer.status, answer.headers.get("Content-Type", ""), answer.read()
    finally:
        connection.close()


def test_everybody_reads_the_page(site: Services) -> None:
    for path in ("/", "/index.html"):
        assert ask(site, path) == (200, "text/html", b"<h1>Maintenance</h1>")
    assert ask(site, "/", method="HEAD") == (200, "text/html", b"")
    assert ask(site, "/", host=site.network.address(HOST))[0] == 200  # the address that stands for the name


def test_hold_blob_comes_and_goes(site: Services) -> None:
    assert ask(site, "/hold")[0] == 404
    site.gate.put_as_operator(ACCOUNT, "$web", "hold", b"held", "text/plain")
    assert ask(site, "/hold") == (200, "text/plain", b"held")
    site.gate.delete_as_operator(ACCOUNT, "$web", "hold")
    status, _, body = ask(site, "/hold")
    assert status == 404
    assert b"WebContentNotFound" in body


def test_error_document_keeps_the_status(site: Services) -> None:
    site.gate.put_as_operator(ACCOUNT, "$web", "404.html", b"<h1>Nothing here</h1>", "text/html")
    assert ask(site, "/nothing") == (404, "text/html", b"<h1>Nothing here</h1>")


def test_other_host_name_and_other_verbs_are_refused(site: Services) -> None:
    assert ask(site, "/", host="www.example.org")[0] == 400
    assert ask(site, "/hold", method="PUT")[0] == 405
    assert ask(site, "/index.html", method="DELETE")[0] == 405


def test_firewall_holds_for_the_site_too(site: Services) -> None:
    site.azure.account(ACCOUNT, networkRuleSet={"defaultAction": "Deny"})
    assert ask(site, "/")[0] == 403


def test_no_site_before_it_is_enabled(clouds: Services) -> None:
    clouds.open_account(ACCOUNT)
    assert ask(clouds, "/")[0] == 404


def test_accounts_of_an_earlier_run_are_opened_at_start_and_closed_with_the_resource(site: Services) -> None:
    site.gate.stop()
    with pytest.raises(ConnectionRefusedError):
        ask(site, "/")
    site.gate.start()
    assert ask(site, "/")[0] == 200
    site.gate.close_account(ACCOUNT)
    with pytest.raises(ConnectionRefusedError):
        ask(site, "/")
    assert site.gate.list_as_operator(ACCOUNT, "$web") == ["index.html"]
    site.gate.delete_container(ACCOUNT, "$web")
    assert site.gate.list_as_operator(ACCOUNT, "$web") == []
