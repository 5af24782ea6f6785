"""What CloudWatch is told, and that it can never stop the service."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from agent.config import Metrics
from agent.errors import AgentError
from agent.jobs import Troubles
from agent.metrics import CloudWatch, figures

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
STATE: dict[str, Any] = {
    "site": "aws",
    "writer": "aws",
    "errors": {},
    "stretched_by_seconds": 0.0,
    "fresh_at": "2026-01-01T11:59:00.000+00:00",
    "archive": {"archived_through": "2026-01-01T11:59:59.000+00:00"},
    "verification": {"at": "2026-01-01T11:30:00+00:00", "good_at": "2026-01-01T11:00:00+00:00"},
}


def test_ages_are_of_what_a_restore_could_use() -> None:
    assert figures(STATE, NOW) == {
        "Errors": 0,
        "BackupAgeSeconds": 60,
        "ArchiveLagSeconds": 1,
        "VerificationAgeSeconds": 3600,  # of the last good one, not of the one that failed since
    }


def test_a_dump_that_the_budget_puts_off_is_not_late() -> None:
    """The alarm's limit is three configured intervals: it would ring all day, and nobody would look."""
    stretched = {**STATE, "stretched_by_seconds": 6900.0, "fresh_at": "2026-01-01T10:00:00+00:00"}
    assert figures(stretched, NOW)["BackupAgeSeconds"] == 300
    missed = {**stretched, "fresh_at": "2026-01-01T09:00:00+00:00"}
    assert figures(missed, NOW)["BackupAgeSeconds"] == 3900


def test_what_is_not_known_is_not_sent_and_never_as_zero() -> None:
    unknown = {**STATE, "fresh_at": None, "archive": None, "verification": None, "errors": {"dump": "why"}}
    assert figures(unknown, NOW) == {"Errors": 1}
    assert figures({**STATE, "archive": {"archived_through": None}}, NOW).keys() == {
        "Errors",
        "BackupAgeSeconds",
        "VerificationAgeSeconds",
    }


def test_a_time_of_the_future_is_not_an_age_of_zero() -> None:
    """A clock that was a day ahead for a moment would keep the alarms quiet for a day."""
    tomorrow = "2026-01-02T12:00:00.000+00:00"
    ahead = {
        **STATE,
        "fresh_at": tomorrow,
        "archive": {"archived_through": tomorrow},
        "verification": {"good_at": tomorrow},
    }
    assert figures(ahead, NOW) == {"Errors": 0}
    assert figures({**STATE, "fresh_at": "2026-01-01T12:00:01+00:00"}, NOW)["BackupAgeSeconds"] == 0


def test_a_site_that_does_not_write_has_no_backups_to_be_old() -> None:
    assert figures({**STATE, "writer": "azure"}, NOW) == {"Errors": 0}
    assert figures({**STATE, "writer": None}, NOW) == {"Errors": 0}


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")


def test_they_arrive_under_their_namespace_and_site(credentials: None) -> None:
    with mock_aws():
        CloudWatch(Metrics("PilotLight", "ap-northeast-2"), "aws").send(figures(STATE, NOW), NOW)
        client = boto3.client("cloudwatch", region_name="ap-northeast-2")
        listed = client.list_metrics(Namespace="PilotLight")["Metrics"]
    assert {metric["MetricName"] for metric in listed} == set(figures(STATE, NOW))
    assert all(metric["Dimensions"] == [{"Name": "Site", "Value": "aws"}] for metric in listed)


def test_an_unreachable_cloudwatch_is_a_sentence(credentials: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_CLOUDWATCH", "http://127.0.0.1:9")
    troubles = Troubles()
    sender = CloudWatch(Metrics("PilotLight", "ap-northeast-2"), "aws")
    assert not troubles.attempt("metrics", lambda: sender.send({"Errors": 0.0}, NOW))
    assert "PutMetricData" in troubles.now()["metrics"]
    with pytest.raises(AgentError):
        sender.send({"Errors": 0.0}, NOW)
