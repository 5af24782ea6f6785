"""boto3, configured by its own variables only: least privilege, and what the region's end looks like."""

from __future__ import annotations

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import BotoCoreError, ClientError

from agent.config import RdsSnapshot
from agent.rds import ensure_snapshot
from components.aws.backup_policy import backup_policy
from tests.clouds.conftest import ACCOUNT_ID, REGION, ROLE_ARN, Services

AUDIENCE = "api://AzureADTokenExchange"
SECRET = f"arn:aws:secretsmanager:{REGION}:{ACCOUNT_ID}:secret:petclinic/backup-AbCdEf"
EC2 = f"arn:aws:ec2:{REGION}:{ACCOUNT_ID}"
ALLOCATION = "eipalloc-0123456789abcdef0"


@contextmanager
def client(service: str) -> Generator[Any]:
    made: Any = boto3.Session().client(service, region_name=REGION)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def backup_instance(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    """The test runs as the backup instance, with the policy that the program gives it."""
    clouds.enable_web_identity()
    clouds.grant(
        {
            "Effect": "Allow",
            "Action": "sts:GetWebIdentityToken",
            "Resource": "*",
            "Condition": {
                "ForAllValues:StringEquals": {"sts:IdentityTokenAudience": AUDIENCE},
                "NumericLessThanEquals": {"sts:DurationSeconds": 300},
            },
        },
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::artifacts/agent.zip"},
        {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": SECRET},
        {
            "Effect": "Allow",
            "Action": "ec2:AssociateAddress",
            "Resource": [f"{EC2}:elastic-ip/{ALLOCATION}", f"{EC2}:network-interface/*"],
        },
        {
            "Effect": "Allow",
            "Action": "cloudwatch:PutMetricData",
            "Resource": "*",
            "Condition": {"StringEquals": {"cloudwatch:namespace": "PilotLight"}},
        },
        {
            "Effect": "Allow",
            "Action": "ec2:AssociateAddress",
            "Resource": f"{EC2}:instance/*",
            "Condition": {"StringEquals": {"aws:ResourceTag/Name": "petclinic-dr-backup"}},
        },
    )
    metadata = clouds.ec2_machine("aws-backup")
    monkeypatch.setenv("AWS_EC2_METADATA_SERVICE_ENDPOINT", metadata.url)


def denied(attempt: Any) -> str:
    with pytest.raises(ClientError) as refused:
        attempt()
    return str(refused.value.response["Error"]["Code"])


def test_web_identity_within_the_policys_conditions(clouds: Services) -> None:
    with client("sts") as sts:

        def ask(audience: str = AUDIENCE, **others: Any) -> Any:
            return sts.get_web_identity_token(Audience=[audience], SigningAlgorithm="RS256", **others)

        assert ask(DurationSeconds=300)["Expiration"].tzinfo is not None
        assert denied(lambda: ask("api://elsewhere")) == "AccessDenied"
        assert denied(lambda: ask(DurationSeconds=900)) == "AccessDenied"
        clouds.aws_store.remove(
            "aws:iam/outboundWebIdentityFederation:OutboundWebIdentityFederation", ACCOUNT_ID
        )
        assert denied(ask) == "OutboundWebIdentityFederationDisabledException"
        assert sts.get_caller_identity()["Arn"].startswith(
            ROLE_ARN.replace(":iam:", ":sts:").replace("role/", "assumed-role/")
        )
        assert denied(lambda: sts.assume_role(RoleArn=ROLE_ARN, RoleSessionName="name")) == "AccessDenied"


def test_one_secret(clouds: Services) -> None:
    clouds.aws.services.put_secret(SECRET, "petclinic/backup", '{"password": "x"}')
    other = SECRET.replace("backup", "admin")
    clouds.aws.services.put_secret(other, "petclinic/admin", "y")
    with client("secretsmanager") as secrets:
        for name in (SECRET, "petclinic/backup"):
            assert secrets.get_secret_value(SecretId=name)["SecretString"] == '{"password": "x"}'
        assert denied(lambda: secrets.get_secret_value(SecretId=other)) == "AccessDenied"
        assert denied(lambda: secrets.put_secret_value(SecretId=SECRET, SecretString="z")) == "AccessDenied"


def test_metrics_of_one_namespace(clouds: Services) -> None:
    age = {
        "MetricName": "BackupAgeSeconds",
        "Dimensions": [{"Name": "Site", "Value": "aws"}],
        "Value": 42.0,
        "Unit": "Seconds",
    }
    with client("cloudwatch") as cloudwatch:
        cloudwatch.put_metric_data(Namespace="PilotLight", MetricData=[age])
        other = denied(lambda: cloudwatch.put_metric_data(Namespace="Other", MetricData=[age]))
        assert other == "AccessDenied"
        assert denied(cloudwatch.describe_alarms) == "AccessDenied"
    assert clouds.aws.services.metrics("PilotLight") == [("BackupAgeSeconds", {"Site": "aws"}, 42.0)]
    assert clouds.aws.services.metrics("Other") == []


def test_one_object(clouds: Services, tmp_path: Any) -> None:
    content = bytes(range(256)) * 1000
    clouds.aws.services.put_bucket("artifacts")
    clouds.aws.services.put_object("artifacts", "agent.zip", content)
    clouds.aws.services.put_object("artifacts", "other", b"")
    with client("s3") as s3:
        s3.download_file("artifacts", "agent.zip", str(tmp_path / "agent.zip"))
        assert (tmp_path / "agent.zip").read_bytes() == content
        assert denied(lambda: s3.get_object(Bucket="artifacts", Key="other")) == "AccessDenied"
        assert denied(lambda: s3.put_object(Bucket="artifacts", Key="agent.zip", Body=b"")) == "AccessDenied"
        assert denied(lambda: s3.list_objects_v2(Bucket="artifacts")) == "AccessDenied"


def test_instance_takes_its_address(clouds: Services) -> None:
    services = clouds.aws.services
    mine = f"i-0{b'aws-backup'.hex()[:16]}"
    services.put_address(ALLOCATION, "203.0.113.7")
    services.put_address("eipalloc-other", "203.0.113.8")
    services.put_instance("i-0other", "10.0.1.10", {"Name": "somebody"})
    with client("ec2") as ec2:

        def take(instance: str = mine, address: str = ALLOCATION) -> None:
            ec2.associate_address(AllocationId=address, InstanceId=instance, AllowReassociation=True)

        assert services.address_of(mine) is None
        take()
        take()
        assert services.address_of(mine) == "203.0.113.7"
        assert denied(lambda: take(instance="i-0other")) == "UnauthorizedOperation"
        assert denied(lambda: take(address="eipalloc-other")) == "UnauthorizedOperation"
        services.remove_instance(mine)
        assert services.address_of(mine) is None


def test_keys_that_nobody_handed_out(clouds: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAPLACEHOLDER")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "placeholder")
    with client("sts") as sts:
        assert denied(sts.get_caller_identity) == "InvalidClientTokenId"
    with client("ec2") as ec2:
        assert denied(ec2.describe_addresses) == "AuthFailure"
    assert clouds.requests()[-1]["side"] == "internet"


def test_dead_region_answers_nobody_and_logs_who_asked(clouds: Services) -> None:
    clouds.faults.set(aws_down=True)
    with client("sts") as sts, pytest.raises(BotoCoreError):
        sts.get_caller_identity()
    asked = clouds.requests()[-1]
    assert (asked["side"], asked["machine"], asked["target"]) == (
        "aws",
        "aws-backup",
        "sts:GetCallerIdentity",
    )
    assert (asked["status"], asked["error"]) == (0, "aws_down")
    clouds.faults.clear("aws_down")
    with client("sts") as sts:
        assert sts.get_caller_identity()["Account"] == ACCOUNT_ID


def test_service_that_is_not_simulated(clouds: Services) -> None:
    clouds.grant({"Effect": "Allow", "Action": "*", "Resource": "*"})
    with client("sqs") as sqs:
        assert denied(sqs.list_queues) == "NotSimulated"


def test_a_snapshot_of_one_database_before_a_failback(clouds: Services) -> None:
    """The agent's own call under the program's own policy, and nothing beside it."""
    policy = backup_policy(
        region=REGION,
        account_id=ACCOUNT_ID,
        allocation_id=ALLOCATION,
        bucket="artifacts",
        key="agent.zip",
        secret_arn=SECRET,
        rds_instance="petclinic",
        tag="petclinic-dr-backup",
    )
    clouds.grant(*json.loads(policy)["Statement"])
    for name in ("petclinic", "petclinic-2"):
        clouds.aws.services.put_database(name)
    place, going_on = RdsSnapshot(instance="petclinic", region=REGION), threading.Event()
    assert ensure_snapshot(place, 3, going_on) == ensure_snapshot(place, 3, going_on)
    assert clouds.aws.services.snapshots() == {"petclinic-before-epoch-3": "petclinic"}
    with client("rds") as rds:

        def snapshot(instance: str, name: str, **others: Any) -> Any:
            return rds.create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=name, **others)

        assert denied(lambda: snapshot("petclinic", "mine")) == "AccessDenied"
        assert denied(lambda: snapshot("petclinic-2", "petclinic-before-epoch-4")) == "AccessDenied"
        found = rds.describe_db_snapshots(DBSnapshotIdentifier="petclinic-before-epoch-3")
        assert found["DBSnapshots"][0]["TagList"]
        assert denied(rds.describe_db_snapshots) == "AccessDenied"
        name = "petclinic-before-epoch-3"
        assert denied(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier=name)) == "AccessDenied"
    clouds.grant(*(each for each in json.loads(policy)["Statement"] if each["Sid"] != "TagWhatItKeeps"))
    with client("rds") as rds:
        tagged = {"Tags": [{"Key": "created-by", "Value": "test"}]}
        assert denied(lambda: snapshot("petclinic", "petclinic-before-epoch-5", **tagged)) == "AccessDenied"
