"""Where the gateway sends users in each situation."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.program.recorder import Run
from tests.program.runs import emergency, home, opened, situation_called


def _gateway(run: Run) -> dict[str, Any]:
    return run.one("app-gateway-gateway").inputs


def _pool(run: Run, rule: str) -> str:
    rules = {entry["name"]: entry for entry in _gateway(run)["requestRoutingRules"]}
    return rules[rule]["backendAddressPool"]["id"].rsplit("/", 1)[1]


@pytest.mark.parametrize(
    ("situation", "pool"),
    [
        ("emergency", "closed"),
        ("maintenance page only", "closed"),
        ("opened", "petclinic"),
        ("closed again", "closed"),
        ("failback", "petclinic"),
        ("cut over", "aws"),
        ("AWS serves", "aws"),
        ("released", "aws"),
    ],
)
def test_the_public_listener_leads_to(situation: str, pool: str) -> None:
    assert _pool(situation_called(situation), "public") == pool


def test_the_page_closes_the_way_to_aws_too() -> None:
    assert _pool(home(maintenance="true"), "public") == "closed"


def test_operators_reach_petclinic_before_it_is_open() -> None:
    assert _pool(emergency(), "try") == "petclinic"
    assert _pool(emergency(emergencyScope="maintenance"), "try") == "closed"


def test_the_closed_pool_has_no_server_and_502_shows_the_page() -> None:
    gateway = _gateway(emergency())
    pools = {pool["name"]: pool.get("backendAddresses") for pool in gateway["backendAddressPools"]}
    assert pools["closed"] == []
    errors = {e["statusCode"]: e["customErrorPageUrl"] for e in gateway["customErrorConfigurations"]}
    assert set(errors) == {"HttpStatus502", "HttpStatus503", "HttpStatus504"}
    assert errors["HttpStatus502"].startswith("https://drsite")


def test_every_reference_inside_the_gateway_names_a_part_that_exists() -> None:
    for run in (emergency(), opened(), home()):
        gateway = _gateway(run)
        for reference in _references(gateway):
            _, collection, part = reference.rsplit("/", 2)
            assert part in [entry["name"] for entry in gateway[collection]], reference


def _references(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [value["id"]] if "/applicationGateways/" in str(value.get("id", "")) else []
        return own + [found for item in value.values() for found in _references(item)]
    if isinstance(value, list):
        return [found for item in value for found in _references(item)]
    return []


def test_rules_have_priorities_of_their_own() -> None:
    priorities = [rule["priority"] for rule in _gateway(opened())["requestRoutingRules"]]
    assert len(set(priorities)) == len(priorities)


def test_petclinic_is_probed_by_name_with_a_page_that_reads_the_database() -> None:
    """Its health page says UP over an empty database; with one owner the list answers 302."""
    (probe,) = _gateway(opened())["probes"]
    assert probe["match"]["statusCodes"] == ["200", "302"]
    assert probe["path"] == "/owners"
    (settings,) = _gateway(opened())["backendHttpSettingsCollection"]
    assert settings["hostName"] == "petclinic.example.com"


def test_aws_behind_the_gateway_is_asked_what_its_health_check_asks() -> None:
    probes = {probe["name"]: probe for probe in _gateway(home())["probes"]}
    assert (probes["aws"]["path"], probes["aws"]["match"]["statusCodes"]) == ("/actuator/health", ["200"])


def test_the_firewall_is_an_option() -> None:
    assert _gateway(opened())["sku"]["tier"] == "Standard_v2"
    assert "firewallPolicy" not in _gateway(opened())
    guarded = opened(gatewayWaf="true")
    assert _gateway(guarded)["sku"] == {"name": "WAF_v2", "tier": "WAF_v2"}
    assert _gateway(guarded)["firewallPolicy"] == {"id": "/id/app-gateway-firewall"}
    policy = guarded.one("app-gateway-firewall").inputs
    assert policy["policySettings"]["mode"] == "Prevention"
    assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]{0,127}", policy["policyName"])
