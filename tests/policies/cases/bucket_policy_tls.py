"""A bucket policy with and without the denial of plain HTTP."""

from __future__ import annotations

from policies import tokens
from policies.rules.bucket_policy_tls import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.BUCKET_POLICY,
            inputs={
                "policy": '{"Statement": [{"Effect": "Deny", "Principal": "*", "Action": "s3:*",'
                '"Condition": {"Bool": {"aws:SecureTransport": "false"}}}]}'
            },
        ),
        breaks=[
            Break(at={"policy": '{"Statement": []}'}, says="does not deny requests without TLS"),
            Break(at={"policy": {"Statement": [{"Effect": "Allow"}]}}, says="does not deny"),
            Break(
                at={"policy": '{"Statement": [{"Effect": "Deny", "Condition": {"Bool": {"x": "false"}}}]}'},
                says="does not deny",
            ),
        ],
    )
]
