"""The gateway: what it refuses, and a real nginx made from its inputs."""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.ca import Authority
from sandbox.clouds.gateway import Gateway, Pem
from sandbox.clouds.gateway_plan import GatewayRefused, read_gateway
from sandbox.clouds.waiting import wait_for
from sandbox.clouds.web_client import Unreachable, get
from sandbox.network import Network
from sandbox.tools import Tools

PUBLIC, NAME, SITE = "198.51.100.7", "petclinic.example.com", "drsite.z12.web.core.windows.net"
SECRET = "https://kv.vault.azure.net/secrets/petclinic-tls"


GATEWAY = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Network/applicationGateways/agw"


def part(collection: str, name: str) -> dict[str, str]:
    return {"id": f"{GATEWAY}/{collection}/{name}"}


def probe(name: str, protocol: str) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": protocol,
        "path": "/actuator/health",
        "interval": 5,
        "timeout": 5,
        "unhealthyThreshold": 2,
        "pickHostNameFromBackendHttpSettings": True,
        "match": {"statusCodes": ["200"]},
    }


def settings(name: str, protocol: str, port: int) -> dict[str, Any]:
    return {"name": name, "protocol": protocol, "port": port, "hostName": NAME, "probe": part("probes", name)}


def listener(name: str, protocol: str) -> dict[str, Any]:
    return {
        "name": name,
        "protocol": protocol,
        "frontendIPConfiguration": part("frontendIPConfigurations", "public"),
        "frontendPort": part("frontendPorts", name),
    }


def inputs(**changes: Any) -> dict[str, Any]:
    """A small gateway of the program's own shape."""
    base: dict[str, Any] = {
        "sku": {"name": "Standard_v2", "tier": "Standard_v2"},
        "autoscaleConfiguration": {"minCapacity": 1, "maxCapacity": 10},
        "identity": {"type": "UserAssigned", "userAssignedIdentities": ["/id/gateway"]},
        "sslPolicy": {"policyType": "Predefined", "policyName": "AppGwSslPolicy20220101"},
        "sslCertificates": [{"name": "public", "keyVaultSecretId": SECRET}],
        "gatewayIPConfigurations": [{"name": "subnet", "subnet": {"id": "/subnet"}}],
        "frontendIPConfigurations": [{"name": "public", "publicIPAddress": {"id": "/pip"}}],
        "frontendPorts": [{"name": "https", "port": 443}, {"name": "http", "port": 80}],
        "backendAddressPools": [
            {"name": "petclinic", "backendAddresses": [{"ipAddress": "10.80.1.4"}]},
            {"name": "closed", "backendAddresses": []},
            {"name": "aws", "backendAddresses": [{"fqdn": "alb.elb.amazonaws.com"}]},
        ],
        "probes": [probe("petclinic", "Http"), probe("aws", "Https")],
        "backendHttpSettingsCollection": [settings("petclinic", "Http", 8080), settings("aws", "Https", 443)],
        "httpListeners": [
            {**listener("https", "Https"), "sslCertificate": part("sslCertificates", "public")},
            listener("http", "Http"),
        ],
        "redirectConfigurations": [
            {
                "name": "to-https",
                "redirectType": "Permanent",
                "targetListener": part("httpListeners", "https"),
                "includePath": True,
            }
        ],
        "requestRoutingRules": [
            rule("closed"),
            {
                "name": "to-https",
                "priority": 200,
                "ruleType": "Basic",
                "httpListener": part("httpListeners", "http"),
                "redirectConfiguration": part("redirectConfigurations", "to-https"),
            },
        ],
        "customErrorConfigurations": [
            {"statusCode": "HttpStatus502", "customErrorPageUrl": f"https://{SITE}/index.html"},
        ],
    }
    return base | changes


def rule(pool: str, settings: str = "petclinic") -> dict[str, Any]:
    return {
        "name": "public",
        "priority": 100,
        "ruleType": "Basic",
        "httpListener": part("httpListeners", "https"),
        "backendAddressPool": part("backendAddressPools", pool),
        "backendHttpSettings": part("backendHttpSettingsCollection", settings),
    }


def opened(pool: str, settings: str = "petclinic") -> dict[str, Any]:
    return inputs(requestRoutingRules=[rule(pool, settings), inputs()["requestRoutingRules"][1]])


def edited(change: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    result = copy.deepcopy(inputs())
    change(result)
    return result


def first_rule(**changes: Any) -> dict[str, Any]:
    return edited(lambda it: it["requestRoutingRules"][0].update(changes))


def second_rule(**changes: Any) -> dict[str, Any]:
    return edited(lambda it: it["requestRoutingRules"][1].update(changes))


def first(collection: str, **changes: Any) -> dict[str, Any]:
    return edited(lambda it: it[collection][0].update(changes))


@pytest.mark.parametrize(
    ("broken", "problem"),
    [
        (first_rule(priority=None), "PriorityCannotBeEmpty"),
        (second_rule(priority=100), "100 is taken"),
        (first_rule(backendAddressPool=part("backendAddressPools", "no")), "names backendAddressPools/no"),
        (first_rule(backendAddressPool=part("probes", "aws")), "needs an id of backendAddressPools"),
        (second_rule(httpListener=part("httpListeners", "https")), "InUse"),
        (first("probes", protocol="Https"), "protocol Https differs"),
        (first("customErrorConfigurations", statusCode="HttpStatus418"), "HttpStatus418"),
        (first("customErrorConfigurations", customErrorPageUrl="https://x/"), "htm"),
        (first("httpListeners", sslCertificate=None), "sslCertificates"),
        (inputs(sslPolicy={}), "AppGwSslPolicy20150501 allows TLS 1"),
        (inputs(frontendPorts=[]), "frontendPorts must hold"),
        (inputs(urlPathMaps=[{"name": "x"}]), "urlPathMaps is not simulated"),
    ],
)
def test_refusals(broken: dict[str, Any], problem: str) -> None:
    with pytest.raises(GatewayRefused, match=problem):
        read_gateway("agw", broken, lambda _: PUBLIC)


@pytest.fixture
def gateway(tmp_path: Path, network: Network, authority: Authority, tools: Tools) -> Iterator[Gateway]:
    certificate, key = authority.issue([NAME])

    def certificate_for(url: str, identities: tuple[str, ...]) -> Pem:
        if url != SECRET or identities != ("/id/gateway",):
            raise GatewayRefused(f"ApplicationGatewayKeyVaultSecretException: {url}")
        return Pem(certificate.read_bytes(), key.read_bytes())

    service = Gateway(
        tools.nginx,
        tmp_path / "a gateway's folder",
        network,
        ca_file=authority.ca_file,
        certificate_for=certificate_for,
        time_factor=30.0,
    )
    yield service
    service.stop()


@pytest.fixture
def site(network: Network, authority: Authority, serve: Callable[..., Any]) -> Any:
    server = serve(network.endpoint(SITE, 443), authority.issue([SITE]))
    server.body = b"<h1>back soon</h1>"
    return server


def ask(
    network: Network, authority: Authority, path: str = "/owners", scheme: str = "https"
) -> tuple[int, bytes]:
    return get(network, f"{scheme}://{PUBLIC}{path}", ca_file=authority.ca_file, timeout_s=30, host=NAME)


def plan(values: dict[str, Any]) -> Any:
    return read_gateway("agw", values, lambda _: PUBLIC)


def test_page_then_petclinic_then_aws(
    gateway: Gateway, site: Any, network: Network, authority: Authority, serve: Callable[..., Any]
) -> None:
    gateway.apply(plan(inputs()))
    assert ask(network, authority) == (502, b"<h1>back soon</h1>"), "closed: the page, with an honest status"
    assert ask(network, authority, scheme="http")[0] == 301

    app = serve(network.endpoint("10.80.1.4", 8080))
    app.body = b"owners"
    gateway.apply(plan(opened("petclinic")))
    assert ask(network, authority) == (200, b"owners")
    assert app.headers["Host"] == NAME and app.headers["X-Forwarded-Proto"] == "https"
    assert site.requests == 1, "a page is fetched once"

    app.status, app.body, app.health = 503, b"app's own", 200
    assert ask(network, authority) == (503, b"app's own"), "an error of the backend passes"
    app.health = None
    wait_for(lambda: ask(network, authority) == (502, b"<h1>back soon</h1>"), 60, "the probe fails")
    assert gateway.health()["petclinic--petclinic"] is False
    app.status, app.body = 200, b"owners"
    wait_for(lambda: ask(network, authority) == (200, b"owners"), 60, "the probe passes again")

    alb = serve(network.endpoint("alb.elb.amazonaws.com", 443), authority.issue([NAME]))
    alb.body = b"from aws"
    gateway.apply(plan(opened("aws", "aws")))
    assert ask(network, authority) == (200, b"from aws")
    assert alb.headers["Host"] == NAME


def test_update_loses_no_request(
    gateway: Gateway, site: Any, network: Network, authority: Authority, serve: Callable[..., Any]
) -> None:
    serve(network.endpoint("10.80.1.4", 8080))
    gateway.apply(plan(opened("petclinic")))
    failures: list[str] = []
    done = threading.Event()

    def client() -> None:
        while not done.is_set():
            try:
                if ask(network, authority)[0] != 200:
                    failures.append("status")
            except Unreachable as error:
                failures.append(str(error))

    thread = threading.Thread(target=client)
    thread.start()
    for _ in range(3):
        gateway.apply(plan(opened("petclinic")))
    done.set()
    thread.join()
    assert len(failures) <= 3, failures  # at most the one under way at each switch


def test_unreachable_page_is_refused_and_the_old_one_goes_on(
    gateway: Gateway, site: Any, network: Network, authority: Authority
) -> None:
    gateway.apply(plan(inputs()))
    other = first("customErrorConfigurations", customErrorPageUrl=f"https://{SITE}/new.html")
    site.status = 404
    with pytest.raises(GatewayRefused, match=r"ErrorPageUnreachable.*404"):
        gateway.apply(plan(other))
    assert ask(network, authority)[0] == 502


def test_missing_certificate_is_refused(gateway: Gateway, site: Any) -> None:
    other = first("sslCertificates", keyVaultSecretId="https://kv.vault.azure.net/secrets/no")
    with pytest.raises(GatewayRefused, match="KeyVaultSecretException"):
        gateway.apply(plan(other))
    assert not gateway.running
