"""Rule: a bucket that has a policy refuses plain HTTP in it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import cast

from policies import tokens
from policies.rule import Rule
from policies.seen import UNKNOWN, Seen

_CONDITION = "aws:SecureTransport"


def problems(policy: Seen) -> Iterator[str]:
    """Looks for the one statement of denial that AWS documents for it."""
    text = policy.get("policy")
    if text is UNKNOWN:
        return
    try:
        document = json.loads(text) if isinstance(text, str) else text
    except json.JSONDecodeError:
        return  # S3 itself refuses it
    found = policy.part(cast("Mapping[str, object]", document)) if isinstance(document, Mapping) else policy
    denials = [part for part in found.parts("Statement") if part.get("Effect") == "Deny"]
    if not any(_refuses_plain(denial) for denial in denials):
        yield f"does not deny requests without TLS: add a Deny with Bool {_CONDITION} false"


def _refuses_plain(statement: Seen) -> bool:
    condition = statement.get("Condition.Bool")
    wanted = condition.get(_CONDITION) if isinstance(condition, Mapping) else None
    return str(wanted).lower() == "false"


RULE = Rule(
    name="bucket-policy-tls",
    what="A bucket policy denies requests without TLS.",
    why="S3 answers plain HTTP unless it is told not to.",
    types=frozenset({tokens.BUCKET_POLICY}),
    problems=problems,
)
