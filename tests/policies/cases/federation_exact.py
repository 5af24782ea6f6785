"""A credential for one role, and looser ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.federation_exact import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.FEDERATED_CREDENTIAL,
            inputs={
                "audiences": ["api://AzureADTokenExchange"],
                "subject": "arn:aws:iam::111122223333:role/petclinic-dr-backup",
                "issuer": "https://1234.tokens.sts.global.api.aws",
            },
        ),
        breaks=[
            Break(
                at={"audiences": ["api://AzureADTokenExchange", "other"]}, says="audiences are not exactly"
            ),
            Break(at={"audiences.0": "other"}, says="audiences are not exactly"),
            Break(at={"subject": "arn:aws:iam::111122223333:role/*"}, says="not the ARN of one IAM role"),
            Break(at={"subject": GONE}, says="not the ARN of one IAM role"),
            Break(at={"issuer": "http://1234.tokens.sts.global.api.aws"}, says="not an https URL"),
            Break(
                at={"claimsMatchingExpression": {"value": "claims['sub'] matches '*'"}},
                says="by an expression",
            ),
        ],
    )
]
