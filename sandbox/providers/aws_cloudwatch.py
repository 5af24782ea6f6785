"""CloudWatch alarms.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges. Limits of the inputs:
docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sandbox.providers import wire
from sandbox.providers.aws_base import ACCOUNT, AwsModel, region
from sandbox.providers.aws_sns import Topic
from sandbox.providers.cloud import Cloud
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.providers.shape import Problem
from sandbox.store import Resource

_COMPARISONS = (
    "GreaterThanOrEqualToThreshold|GreaterThanThreshold|LessThanThreshold|LessThanOrEqualToThreshold"
)


class MetricAlarm(AwsModel):
    """An alarm on one metric; putting one of the same name overwrites it."""

    pulumi_type = "aws:cloudwatch/metricAlarm:MetricAlarm"
    sdk = ("pulumi_aws.cloudwatch", "MetricAlarm")
    name_input = "name"
    patterns = Frozen(
        {
            "name": Pattern(r".{1,255}", "1 to 255 characters (CloudWatch)"),
            "comparisonOperator": Pattern(_COMPARISONS, f"one of {_COMPARISONS.replace('|', ', ')}"),
            "treatMissingData": Pattern(
                "missing|ignore|breaching|notBreaching", "one of missing, ignore, breaching, notBreaching"
            ),
            "statistic": Pattern(
                "SampleCount|Average|Sum|Minimum|Maximum", "SampleCount, Average, Sum, Minimum or Maximum"
            ),
        }
    )
    replace_on = ("name", "region")
    create_operation = "CloudWatch: PutMetricAlarm"

    def check(self, inputs: Mapping[str, Any]) -> Iterator[Problem]:
        period = inputs.get("period")
        if isinstance(period, int | float) and period not in {10, 20, 30} and (period < 60 or period % 60):
            yield Problem("period", f"must be 10, 20, 30 or a multiple of 60 seconds, not {period:g}")
        if inputs.get("metricName") and not inputs.get("namespace"):
            yield Problem("namespace", "is needed with metricName")
        if inputs.get("namespace") == "AWS/Route53" and inputs.get("region") not in {
            "us-east-1",
            wire.UNKNOWN,
        }:
            yield Problem("region", "Route 53 publishes its metrics in us-east-1 only: no data would arrive")

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return inputs["name"]

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        own = region(cloud, inputs)
        for action in [*(inputs.get("alarmActions") or ()), *(inputs.get("okActions") or ())]:
            place = action.split(":")[3]
            if place != own:
                raise AwsError(
                    self.create_operation,
                    "ValidationError",
                    f"Invalid region {place} specified. Only {own} is supported.",
                )
            if action.startswith("arn:aws:sns:") and not cloud.store.get(Topic.pulumi_type, action):
                # CloudWatch takes it and then notifies nobody; here that is a mistake of the program.
                raise AwsError(self.create_operation, "ValidationError", f"{action} does not exist")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        place = region(cloud, inputs)
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": f"arn:aws:cloudwatch:{place}:{ACCOUNT}:alarm:{id}"
        }


MODELS = (MetricAlarm(),)
