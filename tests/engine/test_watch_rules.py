"""What both simulated clouds refuse of alarms, alerts, endpoints, firewalls and server parameters."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.providers.errors import AwsError, AzureError
from tests.engine.aws_parts import Aws
from tests.engine.aws_parts import Rejected as AwsRejected
from tests.engine.azure_parts import GROUP, Azure, Rejected
from tests.engine.conftest import World

ALARM: dict[str, Any] = {
    "comparisonOperator": "GreaterThanThreshold",
    "evaluationPeriods": 1,
    "metricName": "BackupAgeSeconds",
    "namespace": "PilotLight",
    "period": 60,
    "statistic": "Maximum",
    "threshold": 900,
    "treatMissingData": "breaching",
}


@pytest.fixture
def aws(world: World) -> Aws:
    return Aws(world.provider("aws"))


@pytest.fixture
def azure(world: World) -> Azure:
    azure = Azure(world.provider("azure-native"))
    azure.group()
    return azure


def test_an_alarm_tells_a_topic_of_its_own_region_that_exists(aws: Aws) -> None:
    here = aws.make("sns/topic:Topic", name="alarms")
    there = aws.make("sns/topic:Topic", name="alarms", region="us-east-1")
    assert here.id == "arn:aws:sns:ap-northeast-2:111122223333:alarms"
    made = aws.make("cloudwatch/metricAlarm:MetricAlarm", name="age", **ALARM, alarmActions=[here.id])
    assert made.outputs["arn"] == "arn:aws:cloudwatch:ap-northeast-2:111122223333:alarm:age"
    with pytest.raises(AwsError, match="Invalid region us-east-1 specified"):
        aws.make("cloudwatch/metricAlarm:MetricAlarm", name="other", **ALARM, okActions=[there.id])
    with pytest.raises(AwsError, match="does not exist"):
        missing = here.id.replace("alarms", "missing")
        aws.make("cloudwatch/metricAlarm:MetricAlarm", name="other", **ALARM, alarmActions=[missing])


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"period": 90}, "multiple of 60"),
        ({"treatMissingData": "braking"}, "breaching"),
        ({"comparisonOperator": "Greater"}, "GreaterThanThreshold"),
        ({"namespace": "AWS/Route53", "metricName": "HealthCheckStatus"}, "us-east-1 only"),
    ],
)
def test_alarms_that_cannot_be_or_would_hear_nothing(aws: Aws, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(AwsRejected, match=reason):
        aws.make("cloudwatch/metricAlarm:MetricAlarm", name="age", **{**ALARM, **changes})


def test_subscribers_wait_for_their_confirmation(aws: Aws) -> None:
    topic = aws.make("sns/topic:Topic", name="alarms")
    mail = {"topic": topic.id, "protocol": "email", "endpoint": "a@example.com"}
    made = aws.make("sns/topicSubscription:TopicSubscription", **mail)
    assert made.outputs["pendingConfirmation"] is True
    with pytest.raises(AwsError, match="api error InvalidParameter"):
        aws.make("sns/topicSubscription:TopicSubscription", **mail, region="us-east-1")
    with pytest.raises(AwsError, match="api error NotFound"):
        aws.make("sns/topicSubscription:TopicSubscription", **{**mail, "topic": topic.id + "-x"})


def test_endpoints(aws: Aws) -> None:
    base = {"vpcId": "vpc-0a1b2c3d4e5f60718", "serviceName": "com.amazonaws.ap-northeast-2.sts"}
    private = {**base, "vpcEndpointType": "Interface", "subnetIds": ["subnet-1"], "privateDnsEnabled": True}
    aws.make("ec2/vpcEndpoint:VpcEndpoint", **private)
    with pytest.raises(AwsError, match="conflicting DNS domain"):
        aws.make("ec2/vpcEndpoint:VpcEndpoint", **private)
    with pytest.raises(AwsRejected, match="routeTableIds"):
        aws.make("ec2/vpcEndpoint:VpcEndpoint", **private, routeTableIds=["rtb-1"])
    with pytest.raises(AwsRejected, match="subnetIds"):
        aws.make("ec2/vpcEndpoint:VpcEndpoint", **base, vpcEndpointType="Gateway", subnetIds=["subnet-1"])


def _rule(azure: Azure, **changes: Any) -> Any:
    workspace = azure.make("operationalinsights:Workspace", **GROUP, workspaceName="logs")
    condition = {"query": "T | count", "timeAggregation": "Total", "metricMeasureColumn": "Count"}
    inputs: dict[str, Any] = {
        "ruleName": "no-backup",
        "scopes": [workspace.id],
        "evaluationFrequency": "PT15M",
        "windowSize": "PT30M",
        "severity": 1,
        "criteria": {"allOf": [{**condition, "operator": "LessThan", "threshold": 1}]},
    }
    return azure.make("monitor:ScheduledQueryRule", **GROUP, **{**inputs, **changes})


def test_a_log_alert(azure: Azure) -> None:
    made = _rule(azure)
    assert made.id.endswith("/providers/Microsoft.Insights/scheduledQueryRules/no-backup")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"windowSize": "PT20M"}, "must be one of"),
        ({"windowSize": "PT5M"}, "shorter than evaluationFrequency"),
        ({"severity": 5}, "0 to 4"),
        ({"criteria": {"allOf": []}}, "at least one condition"),
        ({"criteria": {"allOf": [{"query": "T", "timeAggregation": "Total"}]}}, "metricMeasureColumn"),
    ],
)
def test_log_alerts_that_cannot_be(azure: Azure, changes: dict[str, Any], reason: str) -> None:
    with pytest.raises(Rejected, match=reason):
        _rule(azure, **changes)


def test_diagnostic_settings_need_a_source_and_a_place(azure: Azure) -> None:
    account = azure.account()
    workspace = azure.make("operationalinsights:Workspace", **GROUP, workspaceName="logs")
    logs = [{"category": "StorageWrite", "enabled": True}]
    blobs = f"{account.id}/blobServices/default"
    setting = {"name": "writes", "logs": logs, "workspaceId": workspace.id}
    made = azure.make("monitor:DiagnosticSetting", resourceUri=blobs, **setting)
    assert made.id == f"{blobs}/providers/Microsoft.Insights/diagnosticSettings/writes"
    with pytest.raises(AzureError, match="ResourceNotFound"):
        azure.make("monitor:DiagnosticSetting", resourceUri=account.id + "x", **setting)
    with pytest.raises(Rejected, match="at least one place"):
        azure.make("monitor:DiagnosticSetting", resourceUri=blobs, name="writes", logs=logs)
    both = [{"category": "StorageWrite", "categoryGroup": "allLogs", "enabled": True}]
    with pytest.raises(Rejected, match="exactly one of category"):
        azure.make("monitor:DiagnosticSetting", resourceUri=blobs, **{**setting, "logs": both})


def test_action_groups_and_metric_alerts_are_global(azure: Azure) -> None:
    group = {"actionGroupName": "operators", "groupShortName": "pilotlight", "enabled": True}
    made = azure.make("monitor:ActionGroup", **GROUP, **group, location="Global")
    with pytest.raises(Rejected, match="must be 'global'"):
        azure.make("monitor:ActionGroup", **GROUP, **group, location="koreacentral")
    with pytest.raises(Rejected, match="at most 12"):
        long = {**group, "groupShortName": "thirteen-long"}
        azure.make("monitor:ActionGroup", **GROUP, **long, location="Global")
    alert = {
        "ruleName": "cpu",
        "location": "Global",
        "enabled": True,
        "severity": 1,
        "scopes": [azure.account().id],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "actions": [{"actionGroupId": made.id}],
        "criteria": {
            "odataType": "Microsoft.Azure.Monitor.SingleResourceMultipleMetricCriteria",
            "allOf": [
                {
                    "criterionType": "StaticThresholdCriterion",
                    "metricName": "cpu_percent",
                    "name": "limit",
                    "operator": "GreaterThan",
                    "threshold": 90,
                    "timeAggregation": "Average",
                }
            ],
        },
    }
    azure.make("monitor:MetricAlert", **GROUP, **alert)
    with pytest.raises(Rejected, match="must be one of"):
        azure.make("monitor:MetricAlert", **GROUP, **{**alert, "windowSize": "PT10M"})


def test_retention_of_a_workspace(azure: Azure) -> None:
    with pytest.raises(Rejected, match="30 to 730"):
        azure.make(
            "operationalinsights:Workspace",
            **GROUP,
            workspaceName="logs",
            sku={"name": "PerGB2018"},
            retentionInDays=7,
        )


def test_a_firewall_policy_filters_by_rules(azure: Azure) -> None:
    rules = {"managedRuleSets": [{"ruleSetType": "Microsoft_DefaultRuleSet", "ruleSetVersion": "2.1"}]}
    azure.make("network:WebApplicationFirewallPolicy", **GROUP, policyName="waf", managedRules=rules)
    with pytest.raises(Rejected, match="at least one rule set"):
        empty: dict[str, Any] = {"managedRuleSets": []}
        azure.make("network:WebApplicationFirewallPolicy", **GROUP, policyName="waf2", managedRules=empty)
    with pytest.raises(Rejected, match="letters and digits"):
        azure.make("network:WebApplicationFirewallPolicy", **GROUP, policyName="waf-1", managedRules=rules)


def test_gtid_mode_moves_by_steps_with_consistency_on(azure: Azure) -> None:
    network, zone, subnet = azure.network(), azure.zone(), azure.database_subnet()
    azure.link(network, zone)
    azure.server(subnet, zone)

    def configure(name: str, value: str) -> None:
        azure.make(
            "dbformysql:Configuration",
            **GROUP,
            serverName="mysql-pet",
            configurationName=name,
            value=value,
            source="user-override",
        )

    with pytest.raises(AzureError, match="one step at a time: OFF -> ON"):
        configure("gtid_mode", "ON")
    configure("gtid_mode", "OFF_PERMISSIVE")
    configure("gtid_mode", "ON_PERMISSIVE")
    with pytest.raises(AzureError, match="needs enforce_gtid_consistency"):
        configure("gtid_mode", "ON")
    configure("enforce_gtid_consistency", "ON")
    configure("gtid_mode", "ON")
    with pytest.raises(AzureError, match="one step at a time: ON -> OFF_PERMISSIVE"):
        configure("gtid_mode", "OFF_PERMISSIVE")
