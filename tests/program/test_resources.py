"""Every resource of every situation: where it stands, and what it may not carry."""

from __future__ import annotations

import base64
import json
import re

import pytest
import yaml

from components.azure.access import BLOB_CONTRIBUTOR, BLOB_READER
from tests.program.recorder import PASSWORD, Recorded, Run, run_program
from tests.program.runs import SITUATIONS, STANDALONE, emergency, normal, opened, situation_called

EVERYWHERE = SITUATIONS + STANDALONE


@pytest.mark.parametrize("situation", EVERYWHERE)
def test_every_resource_has_its_own_clouds_explicit_provider(situation: str) -> None:
    for resource in situation_called(situation):
        for cloud in ("aws", "azure-native"):
            if resource.custom and resource.type.startswith(f"{cloud}:"):
                assert f"pulumi:providers:{cloud}::{cloud}::" in resource.provider, resource.name


@pytest.mark.parametrize("situation", EVERYWHERE)
def test_every_child_has_a_component_as_parent_and_no_alias(situation: str) -> None:
    for resource in situation_called(situation):
        if resource.custom and not resource.type.startswith("pulumi:") and not resource.read:
            assert "$pilotlight:" in resource.parent or "::pilotlight:" in resource.parent, resource.name
        assert resource.aliases == 0, resource.name


@pytest.mark.parametrize("situation", STANDALONE)
def test_a_stack_without_aws_knows_no_aws_and_protects_nothing(situation: str) -> None:
    run = situation_called(situation)
    assert not [r.type for r in run if "aws" in r.type.split(":")[0] or r.type == "pulumi:providers:aws"]
    assert not [r.name for r in run if r.protect and r.type != "azure-native:dbformysql:Server"]


def test_a_drill_touches_neither_hold_nor_productions_own_containers() -> None:
    run = situation_called("drill")
    assert not [r for r in run if r.name == "hold-switch-blob"]
    assert run.one("orders-blob").inputs["containerName"] == "drill1-orders"
    made = {r.name: r.inputs["containerName"] for r in run if r.type.endswith(":BlobContainer")}
    assert set(made.values()) == {
        "drill1-mysql-backups",
        "drill1-signals",
        "drill1-control",
        "drill1-orders",
    }
    writers = [r for r in run if r.name.startswith("borrowed-app-writes-")]
    assert {w.inputs["scope"] for w in writers} == {
        f"/id/borrowed-{purpose}" for purpose in ("mysql-backups", "signals", "control")
    }


def test_a_takeover_holds_traffic_on_productions_reserved_address() -> None:
    run = situation_called("takeover")
    assert run.one("hold-switch-blob").inputs["containerName"] == "$web"
    address = run.one("production-gateway-address")
    assert address.read
    assert address.inputs["id"].endswith(
        "rg-petclinic-dr-normal/providers/Microsoft.Network/publicIPAddresses/pip-petclinic-gateway"
    )


def test_a_takeover_finds_what_production_made_by_the_same_names() -> None:
    made, found = normal(), situation_called("takeover")
    account = made.one("maintenance-site-account").inputs["accountName"]
    assert found.one("orders-blob").inputs["accountName"] == account
    vault = made.one("backup-vault-account").inputs["accountName"]
    assert found.outputs["backup_account"] == vault
    key_vault = made.one("key-vault-vault").inputs["vaultName"]
    assert found.one("borrowed-application-password-secret").inputs["vaultName"] == key_vault
    group = made.one("landing-zone-group").inputs["resourceGroupName"]
    subnets = {made.one(f"landing-zone-{role}-subnet").inputs["subnetName"] for role in ("app", "database")}
    assert subnets == {"app", "database"}
    network = made.one("landing-zone-vnet").inputs["virtualNetworkName"]
    expected = f"/resourceGroups/{group}/providers/Microsoft.Network/virtualNetworks/{network}/subnets/app"
    interface = found.one("standby-servers-app-interface").inputs
    assert interface["ipConfigurations"][0]["subnet"]["id"].endswith(expected)


def _cloud_init(resource: Recorded) -> str:
    profile = resource.inputs.get("osProfile", {})
    return base64.b64decode(resource.inputs.get("userData") or profile["customData"]).decode()


def _machines(run: Run) -> list[Recorded]:
    kinds = ("aws:ec2/launchTemplate", "azure-native:compute:VirtualMachine")
    return [machine for kind in kinds for machine in run.of(kind)]


@pytest.mark.parametrize("situation", EVERYWHERE)
def test_user_data_is_small_valid_and_without_a_secret(situation: str) -> None:
    for machine in _machines(situation_called(situation)):
        text = _cloud_init(machine)
        assert PASSWORD not in text
        assert text.startswith("#cloud-config\n")
        assert len(text.encode()) <= 16 * 1024, machine.name
        assert set(yaml.safe_load(text)) == {"packages", "write_files", "runcmd"}


def _document(run: Run, machine: str, path: str) -> dict[str, object]:
    files = yaml.safe_load(_cloud_init(run.one(machine)))["write_files"]
    return json.loads(next(f["content"] for f in files if f["path"] == path))


def _agent_config(run: Run, machine: str) -> dict[str, object]:
    return _document(run, machine, "/etc/pilotlight/agent.json")


@pytest.mark.parametrize("situation", ["emergency", *STANDALONE])
def test_the_agent_that_a_server_expects_is_uploaded_by_the_same_run(situation: str) -> None:
    """Its SHA-256 is this checkout's. Another run's file, of another commit, would be refused at boot."""
    run = situation_called(situation)
    install = _document(run, "standby-servers-app", "/opt/pilotlight/install.json")
    blobs = {
        "https://{accountName}.blob.core.windows.net/{containerName}/{blobName}".format_map(blob.inputs)
        for blob in run.of("azure-native:storage:Blob")
        if "source" in blob.inputs
    }
    assert install["agent"]["source"] in blobs  # type: ignore[index]


def test_both_agents_talk_through_the_same_containers() -> None:
    run = emergency()
    aws, azure = _agent_config(run, "backup-instance-template"), _agent_config(run, "standby-servers-app")
    assert aws["storage"] == azure["storage"]
    assert aws["storage"]["endpoint"] == run.outputs["backup_endpoint"]  # type: ignore[index]
    assert (aws["site"], azure["site"]) == ("aws", "azure")
    assert aws["orders"] is None
    assert azure["database"]["host"] == run.outputs["database_host"]  # type: ignore[index]


def test_running_servers_are_not_touched_by_a_mode() -> None:
    for run in (emergency(), opened()):
        for server in run.of("azure-native:compute:VirtualMachine"):
            assert server.ignore_changes == ("osProfile.customData",)


def test_the_vault_has_no_key_and_admits_three_places() -> None:
    account = normal().one("backup-vault-account").inputs
    assert account["allowSharedKeyAccess"] is False
    assert account["allowBlobPublicAccess"] is False
    rules = account["networkRuleSet"]
    assert (rules["defaultAction"], rules["bypass"]) == ("Deny", "AzureServices")
    assert [rule["iPAddressOrRange"] for rule in rules["ipRules"]] == ["203.0.113.5", "192.0.2.10"]
    assert len(rules["virtualNetworkRules"]) == 1


def test_operators_may_what_their_tool_needs_and_delete_nothing_in_the_vault() -> None:
    run = normal()
    found = {r.name: r.inputs for r in run if r.name.startswith("access-operators-")}
    assert {inputs["principalId"] for inputs in found.values()} == {"77777777-8888-9999-0000-111111111111"}
    assert {inputs["principalType"] for inputs in found.values()} == {"Group"}
    roles = {
        name.removeprefix("access-operators-"): inputs["roleDefinitionId"].rpartition("/")[2]
        for name, inputs in found.items()
    }
    writer = run.one("access-writer").inputs["roleDefinitionId"]
    assert roles == {
        "write-control": writer,
        "read-signals": BLOB_READER,
        "read-backups": BLOB_READER,
        "write-site": BLOB_CONTRIBUTOR,
    }
    assert not [r for r in run_program(operatorsGroupId="") if r.name.startswith("access-operators-")]


def test_nobody_may_delete_a_backup() -> None:
    role = normal().one("access-writer").inputs
    actions = [action for permission in role["permissions"] for action in permission["dataActions"]]
    assert not [action for action in actions if "delete" in action or action.endswith("*")]


def test_fixed_name_blobs_are_deleted_before_they_are_replaced() -> None:
    blobs = {r.name: r for r in emergency() if r.type == "azure-native:storage:Blob"}
    assert {name for name, blob in blobs.items() if not blob.delete_before_replace} == {
        "maintenance-site-page"
    }
    assert re.fullmatch(r"unavailable-[0-9a-f]{12}\.html", blobs["maintenance-site-page"].inputs["blobName"])


def test_nothing_listens_for_ssh() -> None:
    for guard in emergency().of("azure-native:network:NetworkSecurityGroup"):
        for rule in guard.inputs["securityRules"]:
            ports = rule.get("destinationPortRanges") or [rule["destinationPortRange"]]
            assert "22" not in ports
            assert rule["access"] == "Deny" or ports != ["*"] or rule["sourceAddressPrefix"] != "*"


def test_the_federation_names_the_role_that_the_instance_has() -> None:
    run = normal()
    credential = run.one("access-aws").inputs
    role = run.one("backup-origin-role").inputs["name"]
    assert credential["subject"] == f"arn:aws:iam::111122223333:role/{role}"
    assert credential["audiences"] == ["api://AzureADTokenExchange"]


def test_orders_say_what_the_switches_say() -> None:
    orders = json.loads(opened().one("orders-blob").inputs["source"])
    assert orders == {"mode": "emergency", "open": True, "maintenance": False, "awsWeight": 0}
    closed = json.loads(opened(maintenance="true").one("orders-blob").inputs["source"])
    assert closed["open"] is False


def test_bad_settings_stop_the_program_before_the_first_resource() -> None:
    with pytest.raises(Exception, match="awsWeight is '101'"):
        run_program(awsWeight="101")
