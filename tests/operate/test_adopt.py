"""Moving the public name: one change batch against moto's Route 53, and what forbids it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from cli.operate import adopt
from tests.operate.conftest import Scene

_OWNED = '"heritage=external-dns,external-dns/owner=eks"'
PUBLIC, TREE = "petclinic.example.com", "dr-app.example.com"


@pytest.fixture
def zone(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A zone with the failover tree and the public name's simple record."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "of the test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        route53: Any = boto3.client("route53")
        answer = route53.create_hosted_zone(Name="example.com", CallerReference="1")
        zone_id = answer["HostedZone"]["Id"].rpartition("/")[2]
        scene.set(config={**scene.stack["config"], "zoneId": zone_id})
        of = {"Type": "HTTPS", "FullyQualifiedDomainName": "origin.example.com", "Port": 443}
        child = route53.create_health_check(CallerReference="2", HealthCheckConfig=of)["HealthCheck"]["Id"]
        top = {"Type": "CALCULATED", "ChildHealthChecks": [child], "HealthThreshold": 1}
        check = route53.create_health_check(CallerReference="3", HealthCheckConfig=top)["HealthCheck"]["Id"]
        zone = Zone(route53, zone_id)
        zone.put(TREE, "A", "203.0.113.7", SetIdentifier="primary", Failover="PRIMARY", HealthCheckId=check)
        zone.put(PUBLIC, "A", "203.0.113.7")
        yield zone


class Zone:
    def __init__(self, route53: Any, id: str) -> None:
        self.route53, self.id = route53, id

    def put(self, name: str, kind: str, value: str, **more: Any) -> None:
        record = {"Name": name, "Type": kind, "TTL": 60, "ResourceRecords": [{"Value": value}], **more}
        self.change([{"Action": "UPSERT", "ResourceRecordSet": record}])

    def change(self, changes: list[dict[str, Any]]) -> None:
        self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": changes})

    def public(self) -> list[dict[str, Any]]:
        found = self.route53.list_resource_record_sets(HostedZoneId=self.id)["ResourceRecordSets"]
        return [record for record in found if record["Name"].rstrip(".") == PUBLIC]


def test_the_name_moves_by_one_batch_and_the_undo_command_brings_it_back(
    scene: Scene, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    before = zone.public()
    assert scene.run("adopt", "dns", "--yes") == 0
    (now,) = zone.public()
    assert now["AliasTarget"]["DNSName"].rstrip(".") == TREE
    undo = re.search(r"--change-batch '(.*)'", capsys.readouterr().out)
    assert undo
    zone.change(json.loads(undo[1])["Changes"])
    assert zone.public() == before
    assert scene.run("adopt", "dns", "--yes") == 0
    assert scene.run("adopt", "dns", "--yes") == 0  # there already


@pytest.mark.parametrize(
    ("record", "named"),
    [
        ((PUBLIC, "AAAA", "2001:db8::1"), "AAAA"),
        ((PUBLIC, "HTTPS", "1 . ipv4hint=203.0.113.7"), "HTTPS"),
        ((PUBLIC, "SVCB", "1 web.example.com."), "SVCB"),
        ((PUBLIC, "NS", "ns.example.org"), f"{PUBLIC} has a record of type NS"),
        ((f"a-{PUBLIC}", "TXT", _OWNED), "external-dns owns"),
        ((PUBLIC, "TXT", _OWNED), "external-dns owns"),
    ],
)
def test_what_would_bypass_or_overwrite_it_is_refused(
    scene: Scene, zone: Zone, capsys: pytest.CaptureFixture[str], record: tuple[str, str, str], named: str
) -> None:
    zone.put(*record)
    before = zone.public()
    assert scene.run("adopt", "dns", "--yes") == 3
    assert named in capsys.readouterr().out
    assert zone.public() == before


def test_a_delegation_above_the_name_is_refused_and_the_zone_s_own_is_none() -> None:
    own: dict[str, Any] = {"Name": "example.com.", "Type": "NS", "ResourceRecords": [{"Value": "ns"}]}
    sub = {**own, "Name": "apps.example.com."}
    name = "petclinic.apps.example.com"
    (refused,) = adopt._obstacles([], [own, sub], name, "example.com")  # pyright: ignore[reportPrivateUsage]
    assert "apps.example.com has a record of type NS" in refused
    apex = adopt._obstacles([own], [own], "example.com", "example.com")  # pyright: ignore[reportPrivateUsage]
    assert not apex


def test_checks_without_data_are_waited_for(
    scene: Scene, zone: Zone, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(adopt, "_has_data", lambda _client, _check: False)
    assert scene.run("adopt", "dns", "--yes") == 3
    said = capsys.readouterr().out
    assert "has no data yet" in said and "CALCULATED" not in said
    assert "AliasTarget" not in zone.public()[0]


def test_a_dry_run_and_a_missing_yes_send_nothing(scene: Scene, zone: Zone) -> None:
    assert scene.run("adopt", "dns", "--dry-run") == 0
    assert scene.run("adopt", "dns") == 4
    assert "AliasTarget" not in zone.public()[0]


def test_a_name_outside_the_zone_is_refused(scene: Scene, zone: Zone) -> None:
    scene.set(config={**scene.stack["config"], "publicName": "petclinic.example.org"})
    assert scene.run("adopt", "dns", "--yes") == 3


def test_a_refusal_of_aws_is_one_sentence(
    scene: Scene, zone: Zone, capsys: pytest.CaptureFixture[str]
) -> None:
    scene.set(config={**scene.stack["config"], "zoneId": "Z00000000000000000000"})
    assert scene.run("adopt", "dns", "--yes") == 1
    assert "sign in to AWS" in capsys.readouterr().err
