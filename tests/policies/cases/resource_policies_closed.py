"""Policies for everybody with and without a condition."""

from __future__ import annotations

from policies import tokens
from policies.rules.resource_policies_closed import RULE
from tests.policies.case import GONE, Break, Case, Thing

TOPIC = {
    "Statement": [
        {
            "Sid": "Publish",
            "Effect": "Allow",
            "Principal": {"AWS": "*"},
            "Action": "sns:Publish",
            "Condition": {"StringEquals": {"aws:SourceAccount": "111122223333"}},
        },
        {"Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Action": "sns:Publish"},
        {"Effect": "Deny", "Principal": "*", "Action": "sns:Publish"},
    ]
}
CASES = [
    *(
        Case(
            rule=RULE,
            good=Thing(type=token, inputs={"policy": TOPIC}),
            breaks=[
                Break(at={"policy.Statement.0.Condition": GONE}, says="statement Publish admits everybody"),
                Break(at={"policy.Statement.1.Principal": "*"}, says="(without Sid) admits everybody"),
            ],
        )
        for token in (tokens.BUCKET_POLICY, tokens.TOPIC, tokens.TOPIC_POLICY, tokens.VPC_ENDPOINT)
    ),
    Case(rule=RULE, good=Thing(type=tokens.TOPIC), breaks=[]),
]
