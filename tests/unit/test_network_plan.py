"""The address plan: literal tables for what is refused, and properties of what is accepted."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv4Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.network_plan import NetworkPlan, NetworkPlanError, parse


def plan(changes: dict[str, str] | None = None, *, second_set: bool = False) -> NetworkPlan:
    cidrs = {
        "vnet": "10.80.0.0/16",
        "gateway": "10.80.0.0/24",
        "web": "10.80.1.0/24",
        "app": "10.80.2.0/24",
        "database": "10.80.3.0/24",
    } | (changes or {})
    made = {name: IPv4Network(cidr) for name, cidr in cidrs.items()}
    return NetworkPlan(
        vnet=made["vnet"],
        gateway=made["gateway"],
        web=made["web"],
        app=made["app"],
        database=made["database"],
        second_set=second_set,
    )


def test_the_default_plan_is_sound() -> None:
    assert plan().problems() == []


def test_servers_take_the_first_address_azure_leaves() -> None:
    assert plan().web_server == "10.80.1.4"
    assert plan().app_server == "10.80.2.4"


def test_a_drill_stands_beside_production() -> None:
    production = plan()
    drill = plan(second_set=True)
    assert {drill.web_server, drill.app_server}.isdisjoint({production.web_server, production.app_server})


@pytest.mark.parametrize(
    ("changes", "key", "reason"),
    [
        ({"app": "10.81.2.0/24"}, "appSubnetCidr", "outside vnetCidr 10.80.0.0/16"),
        ({"app": "10.80.1.0/25"}, "appSubnetCidr", "overlaps webSubnetCidr 10.80.1.0/24"),
        ({"gateway": "10.80.0.0/28"}, "gatewaySubnetCidr", "too small: at least /26"),
        ({"database": "10.80.3.0/30"}, "databaseSubnetCidr", "too small: at least /29"),
        ({"vnet": "8.8.0.0/16"}, "vnetCidr", "not a private network"),
    ],
)
def test_a_bad_plan_names_the_entry(changes: dict[str, str], key: str, reason: str) -> None:
    problems = plan(changes).problems()
    assert [p for p in problems if p.key == key and reason in p.reason and p.fix]


@pytest.mark.parametrize("text", ["", "10.80.0.0", "10.80.0.0/33", "10.80.0.300/16", "ten/8", "::/0"])
def test_what_is_no_network(text: str) -> None:
    with pytest.raises(NetworkPlanError) as caught:
        parse("vnetCidr", text, "10.80.0.0/16")
    assert caught.value.fix == "10.80.0.0/16"


def test_host_bits_are_named_with_the_network_they_belong_to() -> None:
    with pytest.raises(NetworkPlanError, match="host bits") as caught:
        parse("webSubnetCidr", "10.80.1.7/24", "10.80.1.0/24")
    assert caught.value.fix == "10.80.1.0/24"


@given(
    st.integers(min_value=0, max_value=255),
    st.lists(st.integers(min_value=0, max_value=255), min_size=4, max_size=4, unique=True),
)
def test_any_accepted_plan_gives_usable_addresses(second: int, thirds: list[int]) -> None:
    roles = dict(zip(("gateway", "web", "app", "database"), thirds, strict=True))
    cidrs = {role: f"10.{second}.{third}.0/24" for role, third in roles.items()}
    made = plan({"vnet": f"10.{second}.0.0/16", **cidrs})
    assert made.problems() == []
    for address, subnet in ((made.web_server, made.web), (made.app_server, made.app)):
        assert IPv4Address(address) in subnet
        assert IPv4Address(address) not in list(subnet)[:4]  # Azure's own
        assert IPv4Address(address) != subnet.broadcast_address
