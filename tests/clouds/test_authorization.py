"""The decisions themselves, case by case, without a connection."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sandbox.clouds.authorization import (
    NetworkRules,
    Permissions,
    Retention,
    UndecidableError,
    covers,
    role_allows,
)
from sandbox.clouds.blob_operations import NotSimulatedError, operation
from sandbox.clouds.callers import INTERNET, Caller
from sandbox.store import Resource

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
ACCOUNT = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a"
CONTAINER = f"{ACCOUNT}/blobServices/default/containers/mysql-backups"
CONTRIBUTOR = "ba92f5b4-2d11-453d-a403-e96b0029c9fe"
READER = "2a2b9908-6ea1-4ae2-8e65-a410df84e7d1"


def assignment(role: str, scope: str, principal: str = "p", **inputs: Any) -> Resource:
    inputs = {
        "principalId": principal,
        "roleDefinitionId": f"/x/roleDefinitions/{role}",
        "scope": scope,
        **inputs,
    }
    return Resource("", f"{scope}/{role}", "", inputs)


def allows(action: str, *assignments: Resource, resource: str = CONTAINER, **others: Any) -> bool:
    return role_allows(
        action,
        data=others.get("data", True),
        principal_id="P",
        resource_id=resource,
        assignments=assignments,
        definitions=others.get("definitions", ()),
    )


@pytest.mark.parametrize(
    ("scope", "resource", "expected"),
    [
        (CONTAINER, CONTAINER, True),
        (ACCOUNT, CONTAINER, True),
        ("/subscriptions/s", CONTAINER, True),
        ("/SUBSCRIPTIONS/S/", CONTAINER, True),
        (CONTAINER, ACCOUNT, False),
        (CONTAINER, CONTAINER + "-2", False),
        (ACCOUNT + "b", CONTAINER, False),
    ],
)
def test_scope_covers_itself_and_everything_below(scope: str, resource: str, expected: bool) -> None:
    assert covers(scope, resource) is expected


@pytest.mark.parametrize(
    ("role", "action", "expected"),
    [
        (CONTRIBUTOR, f"{BLOBS}/write", True),
        (CONTRIBUTOR, f"{BLOBS}/delete", True),
        (READER, f"{BLOBS}/read", True),
        (READER, f"{BLOBS}/write", False),
        (READER, f"{BLOBS}/tags/read", False),
    ],
)
def test_built_in_roles(role: str, action: str, expected: bool) -> None:
    assert allows(action, assignment(role, CONTAINER)) is expected


def test_assignments_add_up_but_not_actions_cut_one_role_only() -> None:
    all_but_delete = Resource(
        "",
        "/x/roleDefinitions/G",
        "",
        {"permissions": [{"dataActions": ["*"], "notDataActions": [f"{BLOBS}/delete"]}]},
    )
    one = assignment("g", CONTAINER)
    assert allows(f"{BLOBS}/write", one, definitions=[all_but_delete])
    assert not allows(f"{BLOBS}/delete", one, definitions=[all_but_delete])
    both = (one, assignment(CONTRIBUTOR, ACCOUNT))
    assert allows(f"{BLOBS}/delete", *both, definitions=[all_but_delete])


def test_management_action_is_no_data_action() -> None:
    owner_like = Permissions(actions=("*",))
    assert owner_like.allow(f"{BLOBS}/write", data=False)
    assert not owner_like.allow(f"{BLOBS}/write", data=True)


def test_other_principal_other_scope() -> None:
    assert not allows(f"{BLOBS}/read", assignment(CONTRIBUTOR, CONTAINER, principal="q"))
    assert not allows(f"{BLOBS}/read", assignment(CONTRIBUTOR, CONTAINER + "x"))


def test_what_cannot_be_judged_is_said_unless_another_role_grants_it() -> None:
    unknown = assignment("acdd72a7-3385-48ef-bd42-f606fba81ae7", ACCOUNT)
    conditional = assignment(CONTRIBUTOR, ACCOUNT, condition="@Resource[...]")
    for one in (unknown, conditional):
        with pytest.raises(UndecidableError, match=r"sandbox/clouds/authorization\.py"):
            allows(f"{BLOBS}/read", one)
    assert allows(f"{BLOBS}/read", unknown, conditional, assignment(READER, CONTAINER))


def rules(**rule_set: Any) -> NetworkRules:
    return NetworkRules.of_account({"networkRuleSet": {"defaultAction": "Deny", **rule_set}})


SUBNET = Resource("", "/vnet/subnets/app", "", {"serviceEndpoints": [{"service": "Microsoft.Storage"}]})
BARE = Resource("", "/vnet/subnets/bare", "", {})


def admit(network_rules: NetworkRules, caller: Caller) -> bool:
    return network_rules.admit(caller, service="Microsoft.Storage", subnets=(SUBNET, BARE))


@pytest.mark.parametrize(
    ("caller", "expected"),
    [
        (Caller("aws", public_ip="203.0.113.7"), True),
        (Caller("aws", public_ip="203.0.113.8"), False),
        (Caller("operator", public_ip="198.51.100.130"), True),
        (Caller("aws"), False),
        (INTERNET, False),
        (Caller("azure", public_ip="203.0.113.7"), False),  # IP rules have no effect inside the region
        (Caller("azure", subnet_id="/VNET/subnets/app"), True),
        (Caller("azure", subnet_id="/vnet/subnets/bare"), False),  # a rule without a service endpoint
        (Caller("azure", subnet_id="/vnet/subnets/other"), False),
    ],
)
def test_firewall(caller: Caller, expected: bool) -> None:
    network_rules = rules(
        ipRules=[{"iPAddressOrRange": "203.0.113.7"}, {"iPAddressOrRange": "198.51.100.128/25"}],
        virtualNetworkRules=[{"virtualNetworkResourceId": one} for one in (SUBNET.id, BARE.id)],
    )
    assert admit(network_rules, caller) is expected


def test_firewall_extremes() -> None:
    assert admit(NetworkRules.of_account({}), INTERNET)
    assert not admit(NetworkRules.of_account({"publicNetworkAccess": "Disabled"}), INTERNET)
    vault = {"properties": {"networkAcls": {"defaultAction": "Deny", "ipRules": [{"value": "203.0.113.7"}]}}}
    assert admit(NetworkRules.of_vault(vault), Caller("operator", public_ip="203.0.113.7"))
    assert not admit(NetworkRules.of_vault(vault), INTERNET)


def test_retention_period() -> None:
    policy = Resource("", "", "", {"immutabilityPeriodSinceCreationInDays": 7})
    retention = Retention.of_container([policy])
    assert retention is not None
    created = datetime(2026, 1, 1, tzinfo=UTC)
    assert retention.forbids_delete(created, created + timedelta(days=7, seconds=-1))
    assert not retention.forbids_delete(created, created + timedelta(days=7))
    assert Retention.of_container([]) is None


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", ("c", "b"), {}, "GetBlob"),
        ("HEAD", ("c", "b"), {}, "GetBlob"),
        ("PUT", ("c", "b"), {}, "PutBlob"),
        ("PUT", ("c", "b"), {"comp": "block", "blockid": "AA=="}, "PutBlock"),
        ("PUT", ("c", "b"), {"comp": "blocklist"}, "PutBlockList"),
        ("DELETE", ("c", "b"), {}, "DeleteBlob"),
        ("GET", ("c", ""), {"restype": "container", "comp": "list"}, "ListBlobs"),
        ("GET", ("", ""), {"comp": "list"}, "ListContainers"),
        ("PUT", ("c", ""), {"restype": "container"}, "CreateContainer"),
    ],
)
def test_operations(method: str, path: tuple[str, str], query: dict[str, str], expected: str) -> None:
    assert operation(method, *path, query, {}).name == expected


@pytest.mark.parametrize(
    ("method", "path", "query", "headers"),
    [
        ("POST", ("", ""), {"comp": "batch"}, {}),
        ("PUT", ("c", "b"), {}, {"X-Ms-Copy-Source": "https://elsewhere"}),
        ("DELETE", ("c", "b"), {"versionid": "2026"}, {}),
        ("GET", ("c", ""), {}, {}),  # a blob of $root
        ("PUT", ("c", ""), {"restype": "container", "comp": "acl"}, {}),
    ],
)
def test_operations_not_in_the_table_are_refused(
    method: str, path: tuple[str, str], query: dict[str, str], headers: dict[str, str]
) -> None:
    with pytest.raises(NotSimulatedError, match=r"sandbox/clouds/blob_operations\.py"):
        operation(method, *path, query, headers)
