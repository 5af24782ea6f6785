"""What each mode may add, and what no mode may change."""

from __future__ import annotations

import pytest

from tests.program.recorder import Recorded, Run, run_program
from tests.program.runs import (
    BILLED_BY_THE_HOUR,
    SITUATIONS,
    durable,
    emergency,
    every,
    failback,
    home,
    normal,
    opened,
    situation_called,
)


def _types(run: Run) -> set[str]:
    return {resource.type for resource in run}


def test_normal_runs_nothing_that_is_billed_by_the_hour() -> None:
    assert not _types(normal()) & BILLED_BY_THE_HOUR


@pytest.mark.parametrize(("forced", "needed"), [("false", 2), ("true", 3)])
def test_a_forced_failover_needs_one_more_healthy_child_than_there_is(forced: str, needed: int) -> None:
    """AWS is never healthy then, and DNS names Azure as soon as its gateway answers."""
    check = run_program(forceFailover=forced).one("failover-dns-primary").inputs
    assert len(check["childHealthchecks"]) == 2 and check["childHealthThreshold"] == needed


@pytest.mark.parametrize("situation", SITUATIONS)
def test_normal_is_part_of_every_situation(situation: str) -> None:
    assert normal().names() <= situation_called(situation).names()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_no_two_resources_share_type_and_name(situation: str) -> None:
    run = situation_called(situation)
    assert len(run.names()) == len(run.resources)


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_durable_set_never_changes(situation: str) -> None:
    assert durable(situation_called(situation)) == durable(normal())


@pytest.mark.parametrize("situation", SITUATIONS)
def test_durable_resources_are_protected_and_retained(situation: str) -> None:
    run = situation_called(situation)
    for key in durable(run):
        resource = run.one(key[1], key[0])
        assert (resource.protect, resource.retain) == (True, True), key


def _aws(run: Run) -> dict[str, Recorded]:
    return {r.name: r for r in run.of("aws:")}


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_same_aws_resources_in_every_situation(situation: str) -> None:
    """Frozen AWS can lose nothing: a resource of failback alone would be deleted by a second emergency."""
    assert set(_aws(situation_called(situation))) == set(_aws(normal()))


def test_aws_inputs_are_the_same_in_normal_and_emergency() -> None:
    before, now = _aws(normal()), _aws(emergency())
    assert {name: r.inputs for name, r in now.items()} == {name: r.inputs for name, r in before.items()}


def test_aws_is_frozen_in_an_emergency_and_only_then() -> None:
    for situation, run in every().items():
        in_emergency = run.outputs["mode"] == "emergency"
        for resource in _aws(run).values():
            assert resource.ignore_changes == (("*",) if in_emergency else ()), (situation, resource.name)


def test_the_aws_provider_has_placeholder_credentials_in_an_emergency_only() -> None:
    for run in every().values():
        provider = run.one("aws", "pulumi:providers:aws").inputs
        in_emergency = run.outputs["mode"] == "emergency"
        assert ("accessKey" in provider) == in_emergency
        for skip in ("skipCredentialsValidation", "skipRequestingAccountId", "skipMetadataApiCheck"):
            assert provider[skip] == "true", skip


def test_maintenance_scope_makes_the_gateway_and_no_server() -> None:
    run = emergency(emergencyScope="maintenance")
    assert _types(run) & BILLED_BY_THE_HOUR == {"azure-native:network:ApplicationGateway"}
    assert run.outputs["database_host"] is None


@pytest.mark.parametrize(
    ("situation", "protected"),
    [
        *(("emergency", False), ("opened", True), ("closed again", True), ("failback", True)),
        *(("cut over", True), ("released", False)),
    ],
)
def test_the_database_is_protected_from_the_opening_to_its_release(situation: str, protected: bool) -> None:
    run = situation_called(situation)
    assert run.one("standby-database-server").protect is protected
    assert run.one("standby-database-petclinic").protect is protected


@pytest.mark.parametrize(
    ("situation", "held"),
    [
        ("normal", False),
        ("maintenance page only", True),
        ("emergency", True),
        ("opened", True),
        ("failback", True),
        ("cut over", False),
        ("AWS serves", False),
        ("released", False),
    ],
)
def test_traffic_is_held_from_the_emergency_until_aws_serves(situation: str, held: bool) -> None:
    assert any(r.name == "hold-switch-blob" for r in situation_called(situation)) is held


def test_the_hold_is_set_only_after_the_gateway() -> None:
    hold = emergency().one("hold-switch-blob")
    assert any(urn.endswith("::app-gateway-gateway") for urn in hold.dependencies)


def test_the_gateway_waits_for_no_database_and_no_server() -> None:
    gateway = opened().one("app-gateway-gateway")
    assert not [urn for urn in gateway.dependencies if "standby" in urn]


def test_the_aws_agent_may_write_control_blobs_in_failback_only() -> None:
    for situation, run in every().items():
        allowed = any(r.name == "access-backup-writes-control" for r in run)
        assert allowed == (run.outputs["mode"] == "failback"), situation


def test_weights_follow_aws_weight_in_failback() -> None:
    def weights(run: Run) -> list[object]:
        names = ("failover-dns-mix-aws", "failover-dns-mix-azure")
        return [run.one(name).inputs["weightedRoutingPolicies"][0]["weight"] for name in names]

    assert weights(normal()) == [100, 0]
    assert weights(failback()) == [100, 0]  # the hold keeps users on Azure, whatever stands below it
    assert weights(home()) == [0, 100]  # the gateway sends everybody on to AWS until its backups are verified
    assert weights(home(awsWeight="10")) == [10, 90]
    assert weights(home(awsWeight="100")) == [100, 0]
