"""boto3 as an operator on the simulated Route 53: what moves DNS, what is refused, what checks say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from sandbox.clouds.aws_credentials import Session
from sandbox.clouds.operator import aws_rights
from sandbox.clouds.route53 import RECORD, Route53
from sandbox.clouds.route53_api import Route53Api
from sandbox.clouds.route53_health import HEALTH_CHECK
from sandbox.clouds.route53_rules import Alias, LoadBalancer, Record
from sandbox.clouds.waiting import wait_for
from sandbox.store import Resource
from tests.clouds.conftest import ACCOUNT_ID, REGION, Services

ZONE, ALB, ALB_ZONE = "Z0123456789", "k8s.elb.amazonaws.com", "ZWKZPGTI48KDX"
PUBLIC, TREE = "petclinic.example.com.", "dr-app.example.com."
AZURE = "20.39.1.2"


class Dns:
    """A zone with the public name in front of AWS and the program's tree beside it."""

    def __init__(self, clouds: Services, root: Path) -> None:
        self.clouds = clouds
        self.service = Route53(
            root,
            clouds.aws_store,
            clouds.network,
            zone_id=ZONE,
            zone_name="example.com",
            time_factor=100.0,
            load_balancers=lambda: {ALB: LoadBalancer(("3.35.20.22",), ((True,),))},
            unmanaged=(Record("petclinic.example.com", "A", alias=Alias(ALB, False)),),
            balancer_zones={ALB: ALB_ZONE},
        )
        clouds.aws.attach_dns(Route53Api(self.service, clouds.aws_store).answer)

    def program(self) -> None:
        """The program deploys the tree."""
        inputs: dict[str, Any] = {
            "zoneId": ZONE,
            "name": "dr-app",
            "type": "A",
            "records": [AZURE],
            "ttl": 60,
        }
        inputs |= {"setIdentifier": "secondary", "failoverRoutingPolicies": [{"type": "SECONDARY"}]}
        inputs |= {"healthCheckId": "calculated"}
        self.clouds.aws_store.put(Resource(RECORD, "tree", "urn", inputs))
        for name, check in {
            "leg": {"type": "TCP", "ipAddress": AZURE, "port": 8443, "failureThreshold": 1},
            "calculated": {"type": "CALCULATED", "childHealthchecks": ["leg"], "childHealthThreshold": 1},
        }.items():
            check |= {"requestInterval": 10, "invertHealthcheck": True}
            self.clouds.aws_store.put(Resource(HEALTH_CHECK, name, "urn", check))

    def addresses(self, name: str = PUBLIC) -> tuple[str, ...]:
        answer = self.service.answer(name)
        return answer.values if answer else ()


@pytest.fixture
def dns(clouds: Services, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Dns]:
    role = f"arn:aws:iam::{ACCOUNT_ID}:role/operators"
    soon = datetime.now(UTC) + timedelta(hours=1)
    session = Session("operator", role, ACCOUNT_ID, "token", soon, statements=aws_rights(ZONE))
    clouds.aws.credentials.admit("ASIAOPERATOR", session)
    keys = {"ACCESS_KEY_ID": "ASIAOPERATOR", "SECRET_ACCESS_KEY": "any", "SESSION_TOKEN": "token"}
    for name, value in keys.items():
        monkeypatch.setenv(f"AWS_{name}", value)
    made = Dns(clouds, tmp_path)
    clouds.aws.start()
    clouds.stack.callback(clouds.aws.stop)
    yield made
    made.service.stop()


@pytest.fixture
def api(dns: Dns) -> Iterator[Any]:
    client: Any = boto3.Session().client("route53", region_name=REGION)
    yield client
    client.close()


def alias(target: str = TREE, zone: str = ZONE) -> dict[str, Any]:
    where = {"HostedZoneId": zone, "DNSName": target, "EvaluateTargetHealth": True}
    return {"Name": PUBLIC, "Type": "A", "AliasTarget": where}


def batch(api: Any, *changes: tuple[str, dict[str, Any]], zone: str = ZONE) -> Any:
    items = [{"Action": action, "ResourceRecordSet": record} for action, record in changes]
    return api.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": items})


def refusal(attempt: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        attempt()
    error = refused.value.response["Error"]
    return str(error["Code"]), str(error["Message"])


def listed(api: Any, **start: str) -> list[dict[str, Any]]:
    return api.list_resource_record_sets(HostedZoneId=ZONE, **start)["ResourceRecordSets"]


def test_one_batch_moves_the_public_name_onto_the_tree(dns: Dns, api: Any, tmp_path: Path) -> None:
    dns.program()
    assert dns.addresses() == ("3.35.20.22",)
    (before,) = [record for record in listed(api) if record["Name"] == PUBLIC]
    assert before["AliasTarget"] == {
        "HostedZoneId": ALB_ZONE,
        "DNSName": f"{ALB}.",
        "EvaluateTargetHealth": False,
    }
    change = batch(api, ("UPSERT", alias()))["ChangeInfo"]
    assert dns.addresses() == (AZURE,)
    assert api.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC"
    batch(api, ("DELETE", alias()), ("CREATE", before))
    assert dns.addresses() == ("3.35.20.22",)
    log = [line for line in dns.clouds.requests() if line["target"] == "route53:ChangeResourceRecordSets"]
    assert {line["machine"] for line in log} == {"operator"}


def test_what_people_changed_outlives_a_restart(dns: Dns, api: Any, tmp_path: Path) -> None:
    dns.program()
    batch(api, ("UPSERT", alias()))
    assert Dns(dns.clouds, tmp_path).addresses() == (AZURE,)


def test_a_batch_is_done_whole_or_not_at_all(dns: Dns, api: Any) -> None:
    dns.program()
    cname = {"Name": PUBLIC, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "elsewhere.example"}]}
    plain = {"Name": "a.example.com.", "Type": "A", "TTL": 60, "ResourceRecords": [{"Value": "192.0.2.1"}]}
    stranger = {**plain, "Name": "petclinic.example.org."}
    wrong = {
        "not permitted as it conflicts": [("CREATE", cname)],
        "that target was not found": [("UPSERT", alias("nothing.example.com."))],
        "does not lie within the target zone": [("UPSERT", alias(zone=ALB_ZONE))],
        "but it already exists": [("CREATE", alias())],
        "but it was not found": [("DELETE", {**plain, "Name": "b.example.com."})],
        "do not match the current values": [("DELETE", alias())],
        "is not permitted in zone": [("CREATE", stranger)],
        "Invalid health check id": [("CREATE", {**plain, "HealthCheckId": "none"})],
        "other RRSets exist": [("CREATE", {**plain, "Name": PUBLIC, "SetIdentifier": "x", "Weight": 1})],
    }
    for words, changes in wrong.items():
        code, message = refusal(lambda changes=changes: batch(api, ("CREATE", plain), *changes))
        assert (code, words in message) == ("InvalidChangeBatch", True), message
        assert dns.addresses() == ("3.35.20.22",)
        assert dns.addresses("a.example.com") == ()
    batch(api, ("DELETE", {**alias(f"{ALB}.", ALB_ZONE), **_unwatched()}), ("CREATE", cname))
    assert {record["Type"] for record in listed(api) if record["Name"] == PUBLIC} == {"CNAME"}


def _unwatched() -> dict[str, Any]:
    return {"AliasTarget": {"HostedZoneId": ALB_ZONE, "DNSName": f"{ALB}.", "EvaluateTargetHealth": False}}


def test_an_operator_has_the_rights_of_the_table_and_no_more(dns: Dns, api: Any) -> None:
    dns.program()
    assert refusal(lambda: api.list_resource_record_sets(HostedZoneId="ZOTHER"))[0] == "AccessDenied"
    assert refusal(api.list_hosted_zones)[0] == "AccessDenied"
    secrets: Any = boto3.Session().client("secretsmanager", region_name=REGION)
    assert refusal(lambda: secrets.get_secret_value(SecretId="petclinic/backup"))[0] == "AccessDenied"
    secrets.close()
    record = {"Name": TREE, "Type": "A", "SetIdentifier": "secondary", "Failover": "SECONDARY", "TTL": 60}
    record |= {"ResourceRecords": [{"Value": "192.0.2.1"}]}
    assert refusal(lambda: batch(api, ("UPSERT", record)))[0] == "NotSimulated", "the program's own"


def test_a_new_check_has_no_observations_and_then_some(dns: Dns, api: Any) -> None:
    dns.program()
    (tree,) = [record for record in listed(api) if record["Name"] == TREE]
    config = api.get_health_check(HealthCheckId=tree["HealthCheckId"])["HealthCheck"]["HealthCheckConfig"]
    assert (config["Type"], config["Inverted"]) == ("CALCULATED", True)
    (child,) = config["ChildHealthChecks"]

    def seen() -> list[str]:
        found = api.get_health_check_status(HealthCheckId=child)["HealthCheckObservations"]
        return [each["StatusReport"]["Status"] for each in found]

    assert seen() == []
    dns.service.checkers.sync()
    wait_for(lambda: bool(seen()), 10, "the checker reported")
    assert seen()[0].startswith("Failure"), "what it saw, not the inverted status"
    assert refusal(lambda: api.get_health_check(HealthCheckId="none"))[0] == "NoSuchHealthCheck"
    assert refusal(lambda: api.get_health_check_status(HealthCheckId="calculated"))[0] == "InvalidInput"


def test_a_long_zone_is_listed_page_by_page(dns: Dns, api: Any) -> None:
    dns.program()
    pages = api.get_paginator("list_resource_record_sets").paginate(
        HostedZoneId=ZONE, PaginationConfig={"PageSize": 1}
    )
    names = [record["Name"] for page in pages for record in page["ResourceRecordSets"]]
    assert names == [TREE, PUBLIC]
    assert [record["Name"] for record in listed(api, StartRecordName=PUBLIC)] == [PUBLIC]


def test_a_region_that_is_gone_takes_the_api_along_and_not_the_answers(dns: Dns, api: Any) -> None:
    dns.clouds.faults.set(aws_down=True)
    with pytest.raises(BotoCoreError):
        listed(api)
    assert dns.addresses() == ("3.35.20.22",)
