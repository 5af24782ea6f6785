"""Settings: what is read, and that every mistake names key, value and the command that fixes it."""

from __future__ import annotations

import re

import pytest
import yaml

from components.settings import Settings, SettingsError, read_settings
from components.switches import Mode, Purpose, Scope
from tests.program.recorder import PROJECT, config_of

OPENED = {"enablePetclinic": "true"}


def read(stack: str = "normal", /, **changes: str | None) -> Settings:
    """The committed configuration of ``stack`` with changes; None takes a key away."""
    values: dict[str, str | None] = {**config_of(stack), **changes}
    return read_settings(values.get)


def problems(stack: str = "normal", /, **changes: str | None) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read(stack, **changes)
    return caught.value.problems


def test_the_committed_production_stack() -> None:
    settings = read()
    assert settings.switches.mode is Mode.NORMAL
    assert settings.switches.purpose is Purpose.PRODUCTION
    assert settings.switches.scope is Scope.FULL
    assert settings.aws is not None
    assert settings.aws.origin_name == settings.aws.alb_name  # originName is empty
    assert settings.application.schemas == ("petclinic",)
    assert settings.backups.dump_interval_seconds == 300
    assert settings.backups.archives and settings.backups.verifies


def test_the_committed_emergency_stack_has_no_aws() -> None:
    settings = read("emergency")
    assert settings.aws is None
    assert settings.occasion == "drill1"
    assert settings.switches.purpose is Purpose.DRILL


@pytest.mark.parametrize(
    ("key", "value", "fix"),
    [
        ("mode", "panic", "pulumi config set mode normal"),
        ("mode", "", "pulumi config set mode normal"),
        ("mode", "EMERGENCY", "pulumi config set mode normal"),
        ("purpose", "fun", "pulumi config set purpose production"),
        ("emergencyScope", "half", "pulumi config set emergencyScope full"),
        ("enablePetclinic", "yes", "pulumi config set enablePetclinic false"),
        ("maintenance", "1", "pulumi config set maintenance false"),
        ("awsWeight", "101", "pulumi config set awsWeight 0"),
        ("awsWeight", "-1", "pulumi config set awsWeight 0"),
        ("awsWeight", "ten", "pulumi config set awsWeight 0"),
        ("awsWeight", "1.5", "pulumi config set awsWeight 0"),
        ("rdsInstanceId", "PetClinic", "pulumi config set rdsInstanceId petclinic"),
        ("rdsInstanceId", "pet--clinic", "pulumi config set rdsInstanceId petclinic"),
        ("cutover", "a b", "pulumi config set cutover cutover-1"),
        ("zoneId", "", "pulumi config set zoneId Z0123456789ABCDEFGHIJ"),
        ("zoneId", "example.com", "pulumi config set zoneId Z0123456789ABCDEFGHIJ"),
        ("awsAccountId", "1111", "pulumi config set awsAccountId 111122223333"),
        ("awsSubnetIds", "[]", "pulumi config set --path 'awsSubnetIds[0]' subnet-0a1b2c3d4e5f60718"),
        ("awsSubnetIds", "subnet-1", "pulumi config set --path 'awsSubnetIds[0]' subnet-0a1b2c3d4e5f60718"),
        ("awsSubnetIds", "[1]", "pulumi config set --path 'awsSubnetIds[0]' subnet-0a1b2c3d4e5f60718"),
        ("backupInstanceType", "t3.micro", "pulumi config set backupInstanceType t4g.micro"),
        ("azureSubscriptionId", "mine", "pulumi config set azureSubscriptionId 11111111-2222"),
        ("vnetCidr", "10.80.0.0/33", "pulumi config set vnetCidr 10.80.0.0/16"),
        ("appSubnetCidr", "10.99.0.0/24", "pulumi config set appSubnetCidr 10.80.2.0/24"),
        ("retentionDays", "0", "pulumi config set retentionDays 7"),
        ("appJarSha256", "abc", "pulumi config set appJarSha256 9f86"),
        ("schemas", '["pet-clinic"]', "pulumi config set --path 'schemas[0]' petclinic"),
        ("gatewayCertificate", "a b", "pulumi config set gatewayCertificate petclinic-tls"),
        (
            "awsRouteTableIds",
            '["rt-1"]',
            "pulumi config set --path 'awsRouteTableIds[0]' rtb-0a1b",
        ),
        ("awsInterfaceEndpoints", "1", "pulumi config set awsInterfaceEndpoints false"),
        ("gatewayWaf", "on", "pulumi config set gatewayWaf false"),
        ("databaseTimeZone", "Asia/Seoul", "pulumi config set databaseTimeZone +09:00"),
        ("databaseTimeZone", "+15:00", "pulumi config set databaseTimeZone +09:00"),
        ("probePath", "owners", "pulumi config set probePath /owners"),
        ("alertEmails", '["ops"]', "pulumi config set --path 'alertEmails[0]' operators@example.com"),
        ("archiveFlushSeconds", "0.5", "pulumi config set archiveFlushSeconds 1"),
        ("archiveSegmentBytes", "1", "pulumi config set archiveSegmentBytes 8388608"),
        ("archivePackSeconds", "1", "pulumi config set archivePackSeconds 3600"),
        ("dumpEgressGbPerMonth", "-1", "pulumi config set dumpEgressGbPerMonth 90"),
        ("dumpRefreshSeconds", "0", "pulumi config set dumpRefreshSeconds 86400"),
        ("verifyIntervalSeconds", "never", "pulumi config set verifyIntervalSeconds 21600"),
        ("verifyMode", "all", "pulumi config set verifyMode auto"),
        ("verifyFullUpToMb", "0", "pulumi config set verifyFullUpToMb 2000"),
        ("dumpIntervalSeconds", "5", "pulumi config set dumpIntervalSeconds 300"),
    ],
)
def test_a_wrong_value_is_named_with_its_key_and_fix(key: str, value: str, fix: str) -> None:
    (problem,) = problems(**{key: value})
    assert problem.startswith(key)
    assert value.strip('[]"') in problem
    assert f"Fix: {fix}" in problem


@pytest.mark.parametrize(
    ("address", "reason"),
    [
        ("10.0.0.1", "private address"),
        ("198.51.100.7/32", "without /31 or /32"),
        ("198.51.100.300", "not an IPv4 address"),
        ("198.51.100.7/24", "host bits"),
    ],
)
def test_what_the_storage_firewall_refuses_is_refused_here(address: str, reason: str) -> None:
    (problem,) = problems(operatorAddresses=f'["{address}"]')
    assert problem.startswith("operatorAddresses[0]")
    assert reason in problem


@pytest.mark.parametrize(
    ("changes", "key", "fix"),
    [
        ({"releaseDatabase": "c1"}, "releaseDatabase", "pulumi config rm releaseDatabase"),
        (
            {"mode": "emergency", "releaseDatabase": "c1"},
            "releaseDatabase",
            "pulumi config rm releaseDatabase",
        ),
        ({"awsWeight": "10"}, "awsWeight", "pulumi config set awsWeight 0"),
        ({"mode": "emergency", "awsWeight": "10"}, "awsWeight", "pulumi config set awsWeight 0"),
        ({"mode": "failback", **OPENED, "awsWeight": "1"}, "awsWeight", "pulumi config set awsWeight 0"),
        ({"cutover": "c1"}, "cutover", "pulumi config rm cutover"),
        ({"mode": "emergency", **OPENED, "cutover": "c1"}, "cutover", "pulumi config rm cutover"),
        (
            {"mode": "failback", **OPENED, "releaseDatabase": "c1"},
            "releaseDatabase",
            "pulumi config rm releaseDatabase",
        ),
        (
            {"mode": "failback", **OPENED, "cutover": "c2", "releaseDatabase": "c1"},
            "releaseDatabase",
            "pulumi config rm releaseDatabase",
        ),
        (
            {"mode": "emergency", "emergencyScope": "maintenance", "enablePetclinic": "true"},
            "enablePetclinic",
            "pulumi config set emergencyScope full",
        ),
        (
            {"mode": "failback", "emergencyScope": "maintenance"},
            "emergencyScope",
            "pulumi config set emergencyScope full",
        ),
        ({"mode": "failback"}, "mode", "pulumi config set mode normal"),
    ],
)
def test_contradictions(changes: dict[str, str], key: str, fix: str) -> None:
    (problem,) = problems(**changes)
    assert problem.startswith(f"{key} is ")
    assert problem.endswith(f"Fix: {fix}")


@pytest.mark.parametrize("mode", ["normal", "failback"])
def test_a_drill_is_always_an_emergency(mode: str) -> None:
    assert any("mode emergency only" in p for p in problems("emergency", mode=mode, enablePetclinic="true"))


def test_a_drill_needs_an_occasion() -> None:
    (problem,) = problems("emergency", occasion="")
    assert problem.endswith("pulumi config set occasion drill1")


def test_setting_the_mode_back_after_the_opening_is_left_to_the_engine() -> None:
    """It refuses to delete the protected database, which no word in the configuration can talk it out of."""
    assert read(enablePetclinic="true").switches.mode is Mode.NORMAL


def test_a_drill_stack_needs_none_of_the_aws_keys() -> None:
    aws = ("awsAccountId", "awsVpcId", "rdsHost", "zoneId", "albDnsName")
    assert read("emergency", **dict.fromkeys(aws)).aws is None


def test_every_key_is_typed_described_and_defaulted() -> None:
    keys = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    kinds = {"string": str, "integer": int, "boolean": bool, "array": list}
    for key, entry in keys.items():
        assert set(entry) - {"items"} == {"type", "default", "description"}, key
        assert type(entry["default"]) is kinds[entry["type"]], key
        assert entry["description"], key


@pytest.mark.parametrize(
    ("changes", "archives", "verifies"),
    [
        ({}, True, True),
        ({"archiveFlushSeconds": "0"}, False, True),
        ({"verifyIntervalSeconds": "0"}, True, False),
        ({"verifyMode": "off"}, True, False),
    ],
)
def test_parts_of_the_backup_can_be_switched_off(
    changes: dict[str, str], archives: bool, verifies: bool
) -> None:
    backups = read(**changes).backups
    assert (backups.archives, backups.verifies) == (archives, verifies)


@pytest.mark.parametrize("stack", ["normal", "emergency"])
def test_committed_stacks_set_declared_keys_and_hold_no_secret(stack: str) -> None:
    text = (PROJECT / f"Pulumi.{stack}.yaml").read_text()
    declared = yaml.safe_load((PROJECT / "Pulumi.yaml").read_text())["config"]
    own = yaml.safe_load(text)["config"]
    assert {key.removeprefix("petclinic-dr:") for key in own} <= set(declared)
    assert "secure:" not in text
    assert "encryptionsalt" not in text


def test_all_mistakes_come_at_once() -> None:
    found = problems(mode="panic", zoneId="", vnetCidr="nowhere", awsWeight="101")
    assert [problem.split(" ")[0] for problem in found] == ["mode", "awsWeight", "vnetCidr", "zoneId"]


def test_the_message_counts_and_says_that_nothing_happened() -> None:
    with pytest.raises(SettingsError, match=re.compile(r"^2 settings are wrong; nothing was changed\.")):
        read(mode="panic", zoneId="")
    with pytest.raises(SettingsError, match=re.compile(r"^1 setting is wrong")):
        read(zoneId="")


@pytest.mark.parametrize("key", sorted(config_of("normal")))
def test_no_key_has_a_second_default(key: str) -> None:
    """Without its value a key is an error, or one that may be empty: defaults live in Pulumi.yaml only."""
    may_be_empty = {
        *("operatorAddresses", "operatorsGroupId", "originName", "occasion"),
        *("cutover", "releaseDatabase", "rdsInstanceId"),
        *("alertEmails", "awsRouteTableIds", "databaseTimeZone"),
    }
    if key in may_be_empty:
        read(**{key: None})
    else:
        assert problems(**{key: None})


@pytest.mark.parametrize(
    ("sku", "tier"),
    [
        ("Standard_B2ms", "Burstable"),
        ("Standard_D2ds_v4", "GeneralPurpose"),
        ("Standard_E2ds_v4", "MemoryOptimized"),
    ],
)
def test_the_tier_follows_the_sku(sku: str, tier: str) -> None:
    assert read(databaseSku=sku).azure.database_tier == tier
