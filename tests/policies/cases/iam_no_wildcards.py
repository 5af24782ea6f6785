"""The backup role's policy, and what would widen it."""

from __future__ import annotations

from policies import tokens
from policies.rules.iam_no_wildcards import RULE
from tests.policies.case import GONE, Break, Case, Thing

_RDS = "arn:aws:rds:ap-northeast-2:111122223333"
CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.ROLE_POLICY,
            inputs={
                "policy": {
                    "Statement": [
                        {
                            "Sid": "Token",
                            "Effect": "Allow",
                            "Action": "sts:GetWebIdentityToken",
                            "Resource": "*",
                            "Condition": {"NumericLessThanEquals": {"sts:DurationSeconds": 300}},
                        },
                        {
                            "Sid": "Fetch",
                            "Effect": "Allow",
                            "Action": ["s3:GetObject"],
                            "Resource": ["arn:aws:s3:::bucket/agent.zip"],
                        },
                        {
                            "Effect": "Allow",
                            "Action": "ec2:AssociateAddress",
                            "Resource": "arn:aws:ec2:ap-northeast-2:111122223333:instance/*",
                        },
                        {
                            "Effect": "Allow",
                            "Action": ["rds:CreateDBSnapshot"],
                            "Resource": [f"{_RDS}:db:petclinic", f"{_RDS}:snapshot:petclinic-before-epoch-*"],
                        },
                        {"Effect": "Deny", "Action": "*", "Resource": "*"},
                    ]
                }
            },
        ),
        breaks=[
            Break(at={"policy.Statement.1.Action.0": "s3:*"}, says="statement Fetch allows action 's3:*'"),
            Break(at={"policy.Statement.1.Action": "*"}, says="statement Fetch allows action '*'"),
            Break(at={"policy.Statement.1.Resource": "*"}, says="allows s3:GetObject on every resource"),
            Break(at={"policy.Statement.0.Condition": GONE}, says="every resource without a condition"),
            Break(at={"policy.Statement.1.Resource.0": "arn:aws:s3:::bucket/*"}, says="reaches 'arn:aws:s3"),
            Break(
                at={"policy.Statement.2.Resource": "arn:aws:ec2:*:111122223333:instance/*"},
                says="reaches 'arn",
            ),
            *(
                Break(at={"policy.Statement.3.Resource.1": resource}, says="reaches 'arn:aws:rds")
                for resource in (
                    f"{_RDS}:snapshot:*",
                    f"{_RDS}:snapshot:*-before-epoch-*",
                    f"{_RDS}:db:petclinic-before-epoch-*",
                )
            ),
            Break(
                at={"policy.Statement.3.Action.0": "rds:DeleteDBSnapshot"},
                says="reaches 'arn:aws:rds",
            ),
            Break(at={"policy.Statement.1.NotAction": "iam:*"}, says="allows by NotAction"),
            Break(at={"policy.Statement.1.NotResource": "arn:x"}, says="allows by NotResource"),
            Break(
                at={"policy": '{"Statement": {"Sid": "T", "Effect": "Allow", "Action": "s3:*"}}'},
                says="statement T allows action 's3:*'",
            ),
        ],
    ),
]
