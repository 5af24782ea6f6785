"""Rule: Entra accepts tokens of one AWS role, made for this purpose."""

from __future__ import annotations

import re
from collections.abc import Iterator

from components.aws.backup_policy import AUDIENCE
from policies import tokens
from policies.rule import Rule
from policies.seen import Seen

_ROLE = re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[A-Za-z0-9+=,.@_/-]+")


def problems(credential: Seen) -> Iterator[str]:
    """Issuer and subject are unknown in a first preview."""
    if not credential.unknown("audiences") and credential.texts("audiences") != [AUDIENCE]:
        yield f"audiences are not exactly [{AUDIENCE!r}]: tokens made for others would do"
    if not credential.unknown("subject") and not _ROLE.fullmatch(credential.text("subject")):
        yield "subject is not the ARN of one IAM role: every workload of the issuer could sign in"
    if not credential.unknown("issuer") and not credential.text("issuer").startswith("https://"):
        yield "issuer is not an https URL"
    if credential.differs("claimsMatchingExpression", None):
        yield "matches claims by an expression: name the one subject"


RULE = Rule(
    name="federation-exact",
    what="Federated credentials name one audience and one IAM role.",
    why="The issuer signs for every role of the AWS account that asks it.",
    types=frozenset({tokens.FEDERATED_CREDENTIAL}),
    problems=problems,
)
