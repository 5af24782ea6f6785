"""Who may take the role, and what is attached to it."""

from __future__ import annotations

from policies import tokens
from policies.rules.iam_trust_narrow import RULE
from tests.policies.case import Break, Case, Thing

TRUST = {
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
}
CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.ROLE, inputs={"assumeRolePolicy": TRUST}),
        breaks=[
            Break(at={"assumeRolePolicy.Statement.0.Principal": "*"}, says="lets everybody take the role"),
            Break(
                at={"assumeRolePolicy.Statement.0.Principal.Service": "lambda.amazonaws.com"},
                says="lets lambda.amazonaws.com take the role",
            ),
            Break(
                at={"assumeRolePolicy.Statement.0.Principal": {"AWS": "arn:aws:iam::999999999999:root"}},
                says="lets arn:aws:iam::999999999999:root take the role",
            ),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.ROLE_POLICY_ATTACHMENT,
            inputs={"policyArn": "arn:aws:iam::aws:policy/AmazonSSMManagedInstanceCore"},
        ),
        breaks=[
            Break(at={"policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}, says="AdministratorAccess")
        ],
    ),
]
