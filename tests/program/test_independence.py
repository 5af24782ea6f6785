"""What an emergency may not need: AWS, new identities, or one part waiting for another without a reason."""

from __future__ import annotations

import itertools

import pytest

from tests.program.recorder import Recorded, Run
from tests.program.runs import (
    SITUATIONS,
    STANDALONE,
    emergency,
    normal,
    opened,
    run_program,
    situation_called,
)

IDENTITIES = (
    "azure-native:managedidentity:",
    "azure-native:authorization:",
    "aws:iam/",
)


def _added(run: Run) -> list[Recorded]:
    before = normal().names()
    return [r for r in run if r.custom and (r.type, r.name) not in before]


@pytest.mark.parametrize("run", [emergency, opened], ids=["emergency", "opened"])
def test_an_emergency_makes_no_identity_and_grants_nothing(run: object) -> None:
    """All of them exist in normal: Entra needs minutes to know a new one, and the restore would wait."""
    made = [r.name for r in _added(run()) if r.type.startswith(IDENTITIES)]  # type: ignore[operator]
    assert made == []


@pytest.mark.parametrize("run", [emergency, opened], ids=["emergency", "opened"])
def test_what_an_emergency_makes_is_azures_or_nobodys(run: object) -> None:
    for resource in _added(run()):  # type: ignore[operator]
        assert resource.type.split(":")[0] in {"azure-native", "random"}, resource.name


def test_no_aws_input_depends_on_the_mode_even_with_every_option_on() -> None:
    """A frozen resource ignores its inputs, but a plan that differs would be carried out when AWS is back."""
    options = {
        "awsRouteTableIds": '["rtb-0a1b2c3d4e5f60718"]',
        "awsInterfaceEndpoints": "true",
        "alertEmails": '["a@example.com"]',
        "forceFailover": "true",
        "gatewayWaf": "true",
    }
    before = {r.name: r.inputs for r in run_program(**options).of("aws:")}
    for opened_too in ("false", "true"):
        now = run_program(mode="emergency", enablePetclinic=opened_too, **options)
        assert {r.name: r.inputs for r in now.of("aws:")} == before
    assert {"private-endpoints-s3", "private-endpoints-sts", "private-endpoints-guard"} <= before.keys()


@pytest.mark.parametrize("situation", SITUATIONS)
def test_nothing_in_an_emergency_waits_for_aws_but_through_its_state(situation: str) -> None:
    """Azure's durable side knows issuer, role and address; what an emergency adds knows nothing of AWS."""
    run = situation_called(situation)
    if run.outputs["mode"] != "emergency":
        return
    added = {r.name for r in _added(run)}
    for resource in run:
        if resource.name in added:
            assert not [u for u in resource.dependencies if "aws:" in u.split("::")[2]], resource.name


def _waits_for(run: Run, name: str) -> set[str]:
    """Everything that must be there first, by logical name."""
    by_name = {r.name: r for r in run}
    found: set[str] = set()
    todo = [name]
    while todo:
        for urn in by_name[todo.pop()].dependencies:
            other = urn.rsplit("::", 1)[1]
            if other in by_name and other not in found:
                found.add(other)
                todo.append(other)
    return found


def test_the_door_and_the_hold_wait_for_no_database_and_no_server() -> None:
    for name in ("app-gateway-gateway", "hold-switch-blob", "orders-blob"):
        assert not [other for other in _waits_for(opened(), name) if other.startswith("standby-")]


def test_the_web_server_and_all_interfaces_wait_for_no_database() -> None:
    for name in ("standby-servers-web", "standby-servers-app-interface"):
        assert not [other for other in _waits_for(opened(), name) if "database" in other]


def test_the_restore_finds_its_parameters_and_waits_for_no_other() -> None:
    before = _waits_for(opened(), "standby-servers-app")
    assert {"standby-database-gtid-mode-on", "standby-database-max-allowed-packet"} <= before
    assert not [name for name in before if "binlog" in name]


def test_parameters_are_set_one_by_one() -> None:
    """Two changes at once end in ServerIsBusy."""
    run = opened()
    chain = [r.name for r in run.of("azure-native:dbformysql:") if not r.name.endswith("-server")]
    for earlier, later in itertools.pairwise(chain):
        assert earlier in _waits_for(run, later), (earlier, later)


def test_what_the_server_takes_along_is_not_deleted_one_by_one() -> None:
    for resource in opened().of("azure-native:dbformysql:"):
        with_server = resource.deleted_with.endswith("::standby-database-server")
        assert with_server is not resource.name.endswith("-server"), resource.name


def test_steps_on_the_way_do_not_come_back_after_a_refresh() -> None:
    settings = {r.name: r.ignore_changes for r in opened().of("azure-native:dbformysql:Configuration")}
    passing = {name for name, ignored in settings.items() if ignored == ("value",)}
    assert passing == {
        "standby-database-gtid-mode-off-permissive",
        "standby-database-gtid-mode-on-permissive",
    }


def test_outgoing_traffic_needs_no_default_that_azure_withdraws() -> None:
    run = opened()
    for subnet in run.of("azure-native:network:Subnet"):
        assert subnet.inputs["defaultOutboundAccess"] is False, subnet.name
    for interface in run.of("azure-native:network:NetworkInterface"):
        (configuration,) = interface.inputs["ipConfigurations"]
        assert configuration["publicIPAddress"]["id"], interface.name


@pytest.mark.parametrize("name", ["app-gateway-gateway", "standby-database-server"])
def test_slow_services_are_given_an_hour(name: str) -> None:
    assert opened().one(name).create_timeout == "60m"


def test_age_rules_reach_dumps_and_log_and_never_the_weekly_chain() -> None:
    (rule,) = normal().one("backup-vault-ageing").inputs["policy"]["rules"]
    prefixes = rule["definition"]["filters"]["prefixMatch"]
    reached = ("backup_20260101T000000Z.sql.gz", "binlog/1/uuid/000001.gz", "packs/1/uuid/000001.gz")
    kept = ("weekly/backup_20260101T000000Z.sql.gz", "weekly/binlog/1/x", "quarantine_rds_1.sql.gz", "other")
    for blob in reached:
        assert any(f"mysql-backups/{blob}".startswith(prefix) for prefix in prefixes), blob
    for blob in kept:
        assert not any(f"mysql-backups/{blob}".startswith(prefix) for prefix in prefixes), blob
    days = rule["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"]
    assert days >= 35
    longer = run_program(retentionDays="30").one("backup-vault-ageing").inputs["policy"]["rules"][0]
    assert longer["definition"]["actions"]["baseBlob"]["delete"]["daysAfterCreationGreaterThan"] >= 90


def test_every_component_registers_its_outputs() -> None:
    """Without it the engine cannot tell a finished component from one whose constructor failed."""
    run = opened()
    components = {r.name for r in run if not r.custom}
    assert components == run.finished
    assert all(r.type.startswith("pilotlight:") for r in run if not r.custom)


@pytest.mark.parametrize("situation", STANDALONE)
def test_taking_a_drill_down_asks_nothing_of_the_key_vault_itself(situation: str) -> None:
    """Resource Manager makes secrets but cannot delete them: the provider calls the vault's own endpoint,
    where neither the firewall nor a role admits whoever runs it."""
    secrets = situation_called(situation).of("azure-native:keyvault:Secret")
    assert len(secrets) == 2
    assert all(secret.retain for secret in secrets)


@pytest.mark.parametrize("situation", [*SITUATIONS, *STANDALONE])
def test_rights_name_their_role_as_azure_answers_it(situation: str) -> None:
    """Else a refresh finds every assignment changed, and grants anew what is already granted."""
    start = "/subscriptions/11111111-2222-3333-4444-555555555555/providers/Microsoft.Authorization/"
    for grant in situation_called(situation).of("azure-native:authorization:RoleAssignment"):
        assert str(grant.inputs["roleDefinitionId"]).startswith(f"{start}roleDefinitions/"), grant.name
