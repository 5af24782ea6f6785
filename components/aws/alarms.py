"""Who is told when the pilot light goes out: CloudWatch alarms, and silence counts as bad news."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pulumi
import pulumi_aws as aws

from components.backup_settings import BackupSettings
from components.guests.documents import METRICS_NAMESPACE, METRICS_SITE
from components.options import aws_child

HEALTH_REGION = "us-east-1"
"""Route 53 publishes its metrics there only, and an alarm notifies topics of its own region only:
https://docs.aws.amazon.com/Route53/latest/DeveloperGuide/monitoring-health-checks.html"""
_LEAST_BACKUP_AGE = 900
_ARCHIVE_LAG = 60
"""Seconds. The promise is two; a minute tells a stall from a busy moment."""


@dataclass(frozen=True, kw_only=True)
class AlarmsArgs:
    """Inputs of :class:`Alarms`."""

    topic_name: str
    emails: tuple[str, ...]
    backups: BackupSettings
    group_name: pulumi.Input[str]
    """Auto Scaling group of the backup instance."""
    health_checks: Mapping[str, pulumi.Input[str]]
    """Ids by name."""
    frozen: bool


@dataclass(frozen=True)
class _Watched:
    metric: str
    above: float
    minutes: int
    why: str


class Alarms(pulumi.ComponentResource):
    """Alarms on what the agent publishes once a minute, on its instance and on the health checks.

    Creates: a topic in the stack's region and one in us-east-1, their mail subscriptions, an alarm for each
    of backup age, archive lag, verification age, standing failures, the instance, and every health check it
    is given. Missing data is breaching throughout: an agent that died publishes nothing.

    Cost a month: 0.10 USD an alarm, 0.30 for each of the agent's four metrics (AWS Price List,
    ap-northeast-2, 2026-10-01); mails are free.
    """

    def __init__(self, name: str, args: AlarmsArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("pilotlight:aws:Alarms", name, None, opts)
        self._name, self._options = name, aws_child(self, frozen=args.frozen)
        here, there = self._topic(args, "", None), self._topic(args, "-health", HEALTH_REGION)
        for role, watched in _agent_metrics(args.backups).items():
            aws.cloudwatch.MetricAlarm(
                f"{name}-{role}",
                alarm_description=watched.why,
                namespace=METRICS_NAMESPACE,
                metric_name=watched.metric,
                dimensions={"Site": METRICS_SITE},
                statistic="Maximum",
                period=60,
                evaluation_periods=watched.minutes,
                comparison_operator="GreaterThanThreshold",
                threshold=watched.above,
                treat_missing_data="breaching",
                alarm_actions=[here],
                ok_actions=[here],
                opts=self._options,
            )
        aws.cloudwatch.MetricAlarm(
            f"{name}-instance",
            alarm_description="The backup instance fails its status checks or does not exist",
            namespace="AWS/EC2",
            metric_name="StatusCheckFailed",
            dimensions={"AutoScalingGroupName": args.group_name},
            statistic="Maximum",
            period=60,
            # An instance refresh or a lost zone heals by itself within this time.
            evaluation_periods=10,
            comparison_operator="GreaterThanOrEqualToThreshold",
            threshold=1,
            treat_missing_data="breaching",
            alarm_actions=[here],
            ok_actions=[here],
            opts=self._options,
        )
        for check, check_id in args.health_checks.items():
            aws.cloudwatch.MetricAlarm(
                f"{name}-{check}",
                region=HEALTH_REGION,
                alarm_description=f"Route 53 health check {check} is unhealthy: users may move to Azure",
                namespace="AWS/Route53",
                metric_name="HealthCheckStatus",
                dimensions={"HealthCheckId": check_id},
                statistic="Minimum",
                period=60,
                evaluation_periods=2,
                comparison_operator="LessThanThreshold",
                threshold=1,
                treat_missing_data="breaching",
                alarm_actions=[there],
                ok_actions=[there],
                opts=self._options,
            )
        self.register_outputs({})

    def _topic(self, args: AlarmsArgs, suffix: str, region: str | None) -> pulumi.Output[str]:
        """A topic with its subscribers; ``region`` None is the provider's own."""
        topic = aws.sns.Topic(
            f"{self._name}-topic{suffix}", name=args.topic_name, region=region, opts=self._options
        )
        for number, email in enumerate(args.emails):
            aws.sns.TopicSubscription(
                f"{self._name}-mail{suffix}-{number}",
                topic=topic.arn,
                protocol="email",
                endpoint=email,
                region=region,
                opts=self._options,
            )
        return topic.arn


def _agent_metrics(backups: BackupSettings) -> dict[str, _Watched]:
    """What is watched; a part that is switched off has no metric and so no alarm."""
    oldest = max(_LEAST_BACKUP_AGE, 3 * backups.dump_interval_seconds)
    watched = {
        "backup-age": _Watched("BackupAgeSeconds", oldest, 2, f"No proved backup for {oldest} s"),
        "errors": _Watched("Errors", 0, 5, "The agent reports failures that do not go away"),
    }
    if backups.archives:
        watched["archive-lag"] = _Watched(
            "ArchiveLagSeconds",
            _ARCHIVE_LAG,
            5,
            f"Transactions wait longer than {_ARCHIVE_LAG} s for the archive",
        )
    if backups.verifies:
        age = 2 * backups.verify_interval_seconds
        watched["verification-age"] = _Watched(
            "VerificationAgeSeconds", age, 5, f"No backup was test-restored for {age} s"
        )
    return watched
