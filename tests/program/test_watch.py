"""Who is told what, in both clouds, and that silence is heard."""

from __future__ import annotations

import base64
import importlib
import inspect
import json
import re
from typing import Any

import pytest
import yaml

from components.azure.watch import no_backup_query, window
from tests.program.recorder import Recorded, Run, run_program
from tests.program.runs import (
    SITUATIONS,
    STANDALONE,
    emergency,
    normal,
    opened,
    situation_called,
)

ALARM = "aws:cloudwatch/metricAlarm:MetricAlarm"


def _alarms(run: Run) -> dict[str, Recorded]:
    return {r.name.removeprefix("alarms-"): r for r in run.of(ALARM)}


def test_what_is_watched_in_aws() -> None:
    alarms = _alarms(normal())
    assert {name: a.inputs["metricName"] for name, a in alarms.items()} == {
        "backup-age": "BackupAgeSeconds",
        "archive-lag": "ArchiveLagSeconds",
        "verification-age": "VerificationAgeSeconds",
        "errors": "Errors",
        "instance": "StatusCheckFailed",
        "origin": "HealthCheckStatus",
        "hold-off": "HealthCheckStatus",
    }


def test_silence_is_bad_news_everywhere() -> None:
    for name, alarm in _alarms(normal()).items():
        assert alarm.inputs["treatMissingData"] == "breaching", name


def test_alarms_tell_a_topic_of_their_own_region() -> None:
    run = normal()
    for name, alarm in _alarms(run).items():
        (target,) = alarm.inputs["alarmActions"]
        topic = next(r for r in run.of("aws:sns/topic:Topic") if target.endswith(f"/id/{r.name}"))
        assert alarm.inputs.get("region") == topic.inputs.get("region"), name
        assert alarm.inputs["okActions"] == [target]
    for health in ("origin", "hold-off"):
        assert _alarms(run)[health].inputs["region"] == "us-east-1"


def test_everybody_is_told_in_both_regions_and_by_azure() -> None:
    run = run_program(alertEmails='["a@example.com", "b@example.com"]')
    mails = [(r.inputs["topic"], r.inputs["endpoint"]) for r in run.of("aws:sns/topicSubscription:")]
    assert len(mails) == len(set(mails)) == 4
    receivers = run.one("dead-man-operators").inputs["emailReceivers"]
    assert [r["emailAddress"] for r in receivers] == ["a@example.com", "b@example.com"]


def test_agent_alarms_name_what_the_agent_publishes_and_may_publish() -> None:
    run = normal()
    config = _agent(run, "backup-instance-template")
    ours = {n: a for n, a in _alarms(run).items() if not a.inputs["namespace"].startswith("AWS/")}
    assert {a.inputs["namespace"] for a in ours.values()} == {config["metrics"]["cloudwatch_namespace"]}
    assert all(a.inputs["dimensions"] == {"Site": config["site"]} for a in ours.values())
    policy = json.loads(run.one("backup-instance-policy").inputs["policy"])
    (publish,) = [s for s in policy["Statement"] if s["Action"] == "cloudwatch:PutMetricData"]
    wanted = {"cloudwatch:namespace": config["metrics"]["cloudwatch_namespace"]}
    assert publish["Condition"] == {"StringEquals": wanted}


def _agent(run: Run, machine: str) -> dict[str, Any]:
    files = yaml.safe_load(base64.b64decode(run.one(machine).inputs["userData"]))["write_files"]
    return json.loads(next(f["content"] for f in files if f["path"] == "/etc/pilotlight/agent.json"))


def test_a_part_that_is_off_has_no_alarm_that_could_only_be_silent() -> None:
    off = _alarms(run_program(archiveFlushSeconds="0", verifyMode="off"))
    assert not {"archive-lag", "verification-age"} & off.keys()


@pytest.mark.parametrize("interval", [30, 300, 3600, 86_400])
def test_a_backup_is_late_only_after_three_intervals(interval: int) -> None:
    alarm = _alarms(run_program(dumpIntervalSeconds=str(interval)))["backup-age"]
    assert alarm.inputs["threshold"] >= 3 * interval
    hours = re.fullmatch(r"P(?:(\d)D)?(?:T(?:(\d)H)?(?:(\d\d)M)?)?", window(interval))
    assert hours
    days, hour, minutes = (int(part or 0) for part in hours.groups())
    looks_back = days * 86_400 + hour * 3600 + minutes * 60
    assert looks_back >= min(3 * interval, 172_800)
    assert looks_back >= 1800


def test_the_dead_man_is_heard_when_nothing_is_written_at_all() -> None:
    """A metric would be silent with him: storage emits none without traffic. A count is 0."""
    rule = normal().one("dead-man-no-backup").inputs
    (condition,) = rule["criteria"]["allOf"]
    assert condition["query"].endswith("| summarize Backups = count()")  # without "by" there is always a row
    assert "isfuzzy=true" in condition["query"]  # and there is one even without the table
    assert (condition["operator"], condition["threshold"]) == ("LessThan", 1)
    assert condition["metricMeasureColumn"] == "Backups"
    assert not normal().of("azure-native:monitor:MetricAlert")
    assert rule["actions"]["actionGroups"] == ["/id/dead-man-operators"]


def test_the_dead_man_watches_manifests_of_the_vault_that_is_logged() -> None:
    run = normal()
    account = run.one("backup-vault-account")
    query = run.one("dead-man-no-backup").inputs["criteria"]["allOf"][0]["query"]
    assert query == no_backup_query(account.inputs["accountName"], log_counts=True)
    setting = run.one("dead-man-vault-log").inputs
    assert setting["resourceUri"] == "/id/backup-vault-account/blobServices/default"
    assert [entry["category"] for entry in setting["logs"] if entry["enabled"]] == ["StorageWrite"]


@pytest.mark.parametrize(
    ("situation", "counts"),
    [
        ("normal", True),
        ("emergency", True),
        ("opened", False),
        ("closed again", False),
        ("failback", False),
        ("AWS serves", True),
    ],
)
def test_azures_own_dumps_are_watched_while_it_writes(situation: str, counts: bool) -> None:
    """No alarm of AWS's looks at them, and an archive that goes on would hide that they fail."""
    query = situation_called(situation).one("dead-man-no-backup").inputs["criteria"]["allOf"][0]["query"]
    assert "backup_" in query
    assert ("/binlog/" in query) is counts


def test_nothing_waits_for_the_standbys_alerts() -> None:
    run = opened()
    watch = {r.name for r in run if r.name.startswith("standby-watch-")}
    for resource in run:
        assert not [u for u in resource.dependencies if u.rsplit("::", 1)[1] in watch] or (
            resource.name in watch
        )


def test_backends_are_watched_once_users_reach_them() -> None:
    """Before that an empty database behind the gateway is no incident."""
    names = [{r.name for r in run.of("azure-native:monitor:")} for run in (emergency(), opened())]
    assert names[1] - names[0] == {"standby-watch-gateway-backends"}


def test_a_fenced_petclinic_is_no_incident() -> None:
    """With AWS the writer its probe fails by intention: the alert would ring until the standby is gone."""
    watched = [situation_called(s).names() for s in ("failback", "AWS serves", "released")]
    kind = "azure-native:monitor:MetricAlert"
    assert [(kind, "standby-watch-gateway-backends") in names for names in watched] == [True, False, False]


@pytest.mark.parametrize("situation", STANDALONE)
def test_a_stack_without_production_tells_productions_operators(situation: str) -> None:
    made, found = normal(), situation_called(situation)
    group = made.one("dead-man-operators").inputs["actionGroupName"]
    workspace = made.one("dead-man-workspace").inputs["workspaceName"]
    alert = found.one("standby-watch-database-cpu").inputs
    assert alert["actions"][0]["actionGroupId"].endswith(f"/actionGroups/{group}")
    log = found.one("standby-watch-gateway-log").inputs
    assert log["workspaceId"].endswith(f"/Microsoft.OperationalInsights/workspaces/{workspace}")


def _takes_tags(resource: Recorded) -> bool:
    package, rest = resource.type.split(":", 1)
    module, name = rest.split("/")[0].split(":")[0], rest.rsplit(":", 1)[1]
    home = importlib.import_module(f"pulumi_{package.replace('-', '_')}.{module}")
    return "tags" in inspect.signature(getattr(home, name)._internal_init).parameters


@pytest.mark.parametrize("situation", SITUATIONS + STANDALONE)
def test_everything_in_azure_that_takes_tags_has_them(situation: str) -> None:
    run = situation_called(situation)
    wanted = {"project": "petclinic-dr", "managed-by": "pulumi"}
    for resource in run.of("azure-native:"):
        if not resource.read and _takes_tags(resource):
            assert wanted.items() <= resource.inputs.get("tags", {}).items(), resource.name


def test_aws_has_them_by_its_provider_and_where_that_does_not_reach() -> None:
    run = normal()
    tags = json.loads(run.one("aws", "pulumi:providers:aws").inputs["defaultTags"])["tags"]
    assert tags == {"project": "petclinic-dr", "stack": "normal", "managed-by": "pulumi"}
    group = run.one("backup-instance-group").inputs["tags"]
    assert tags.items() <= {tag["key"]: tag["value"] for tag in group}.items()
    assert all(tag["propagateAtLaunch"] for tag in group)
    for launched in run.one("backup-instance-template").inputs["tagSpecifications"]:
        assert tags.items() <= launched["tags"].items()
