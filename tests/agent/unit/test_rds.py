"""The snapshot before a database is replaced: one an epoch, complete, or a sentence that says what to do."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import boto3
import botocore.client
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from agent import rds
from agent.config import RdsSnapshot
from agent.errors import AgentError
from agent.rds import ensure_snapshot

REGION = "ap-northeast-2"
SETTINGS = RdsSnapshot("petclinic", REGION)
_CALL = botocore.client.BaseClient._make_api_call


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setattr(rds, "_POLL_S", 0.01)
    with mock_aws():
        client: Any = boto3.client("rds", region_name=REGION)
        client.create_db_instance(
            DBInstanceIdentifier="petclinic",
            DBInstanceClass="db.t4g.micro",
            Engine="mysql",
            AllocatedStorage=20,
        )
        yield client
        client.close()


def snapshots(service: Any) -> list[dict[str, Any]]:
    return service.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]


def answering(monkeypatch: pytest.MonkeyPatch, operation: str, *codes: str) -> list[str]:
    """The first calls of ``operation`` are refused with ``codes``; what was called."""
    left, calls = list(codes), list[str]()

    def call(self: Any, name: str, arguments: Any) -> Any:
        calls.append(name)
        if name == operation and left:
            raise ClientError({"Error": {"Code": left.pop(0), "Message": "of the test"}}, name)
        return _CALL(self, name, arguments)

    monkeypatch.setattr(botocore.client.BaseClient, "_make_api_call", call)
    return calls


def test_it_is_made_once_an_epoch_and_found_again(service: Any) -> None:
    name = ensure_snapshot(SETTINGS, 3, threading.Event())
    assert name == "petclinic-before-epoch-3"
    assert ensure_snapshot(SETTINGS, 3, threading.Event()) == name
    assert [found["DBSnapshotIdentifier"] for found in snapshots(service)] == [name]
    tags = {tag["Key"]: tag["Value"] for tag in snapshots(service)[0]["TagList"]}
    assert tags == {"created-by": "pilotlight-agent", "before-epoch": "3"}
    ensure_snapshot(SETTINGS, 4, threading.Event())
    assert len(snapshots(service)) == 2


def test_it_waits_for_the_instance_and_for_the_snapshot(
    service: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = answering(
        monkeypatch, "CreateDBSnapshot", "InvalidDBInstanceState", "InvalidDBInstanceStateFault"
    )
    ensure_snapshot(SETTINGS, 1, threading.Event())
    assert calls.count("CreateDBSnapshot") == 3
    states = iter(["creating", "creating", "available"])
    monkeypatch.setattr(rds._Snapshot, "_status", lambda _: next(states))
    ensure_snapshot(SETTINGS, 2, threading.Event())
    assert next(states, None) is None


@pytest.mark.parametrize(
    ("operation", "code", "said"),
    [
        ("DescribeDBSnapshots", "AccessDenied", "rds:DescribeDBSnapshots"),
        ("CreateDBSnapshot", "AccessDenied", "rds:CreateDBSnapshot"),
        ("CreateDBSnapshot", "SnapshotQuotaExceeded", "raise the quota"),
    ],
)
def test_a_refusal_says_what_to_do(
    service: Any, monkeypatch: pytest.MonkeyPatch, operation: str, code: str, said: str
) -> None:
    answering(monkeypatch, operation, code)
    with pytest.raises(AgentError, match=said):
        ensure_snapshot(SETTINGS, 1, threading.Event())


def test_an_instance_that_is_not_there_is_said(service: Any) -> None:
    with pytest.raises(AgentError, match="no such instance in ap-northeast-2; correct rds_snapshot"):
        ensure_snapshot(RdsSnapshot("other", REGION), 1, threading.Event())


def test_a_failed_snapshot_is_no_snapshot(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rds._Snapshot, "_status", lambda _: "failed")
    with pytest.raises(AgentError, match="is failed; delete it"):
        ensure_snapshot(SETTINGS, 1, threading.Event())


def test_told_to_stop_it_does_not_pass_for_complete(service: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rds._Snapshot, "_status", lambda _: "creating")
    stopping = threading.Event()
    stopping.set()
    with pytest.raises(AgentError, match="told to stop"):
        ensure_snapshot(SETTINGS, 1, stopping)
