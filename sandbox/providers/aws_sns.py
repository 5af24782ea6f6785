"""SNS: topics and their subscribers.

Replacement rules as in terraform-provider-aws (ForceNew), which pulumi-aws bridges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.providers.aws_base import ACCOUNT, AwsModel, region
from sandbox.providers.cloud import Cloud, guid
from sandbox.providers.errors import AwsError
from sandbox.providers.model import Frozen, Pattern
from sandbox.store import Resource


class Topic(AwsModel):
    """A topic; creating one of the same name answers the one that is there."""

    pulumi_type = "aws:sns/topic:Topic"
    sdk = ("pulumi_aws.sns", "Topic")
    name_input = "name"
    patterns = Frozen(
        {"name": Pattern(r"[A-Za-z0-9_-]{1,256}", "1 to 256 letters, digits, hyphens and underscores (SNS)")}
    )
    replace_on = ("name", "namePrefix", "fifoTopic", "region")
    create_operation = "SNS: CreateTopic"

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return f"arn:aws:sns:{region(cloud, inputs)}:{ACCOUNT}:{inputs['name']}"

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {"arn": id, "owner": ACCOUNT}


class TopicSubscription(AwsModel):
    """A subscriber; one by mail gets a link and hears nothing before it was followed."""

    pulumi_type = "aws:sns/topicSubscription:TopicSubscription"
    sdk = ("pulumi_aws.sns", "TopicSubscription")
    patterns = Frozen(
        {"protocol": Pattern("email", "only email is simulated: extend sandbox/providers/aws_sns.py")}
    )
    replace_on = ("topic", "protocol", "endpoint", "region")
    create_operation = "SNS: Subscribe"

    def identify(self, cloud: Cloud, inputs: Mapping[str, Any]) -> str:
        return f"{inputs['topic']}:{guid()}"

    def admit(self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old: Resource | None) -> None:
        topic = inputs["topic"]
        if topic.split(":")[3] != region(cloud, inputs):
            raise AwsError(self.create_operation, "InvalidParameter", "Invalid parameter: TopicArn")
        if not cloud.store.get(Topic.pulumi_type, topic):
            raise AwsError(self.create_operation, "NotFound", "Topic does not exist")

    def compute(
        self, cloud: Cloud, id: str, inputs: Mapping[str, Any], old_outputs: Mapping[str, Any]
    ) -> dict[str, Any]:
        return super().compute(cloud, id, inputs, old_outputs) | {
            "arn": id,
            "ownerId": ACCOUNT,
            "pendingConfirmation": True,
            "confirmationWasAuthenticated": False,
        }


MODELS = (Topic(), TopicSubscription())
