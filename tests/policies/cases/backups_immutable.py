"""The retention policy; that there is one at all is in test_stack_rules.py."""

from __future__ import annotations

from policies import tokens
from policies.rules.backups_immutable import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.IMMUTABILITY_POLICY,
            inputs={"immutabilityPeriodSinceCreationInDays": 7, "allowProtectedAppendWrites": False},
        ),
        breaks=[
            Break(at={"immutabilityPeriodSinceCreationInDays": 6}, says="retentionDays 7"),
            Break(at={"immutabilityPeriodSinceCreationInDays": GONE}, says="retentionDays 7"),
            Break(at={"allowProtectedAppendWrites": True}, says="allowProtectedAppendWrites is not false"),
            Break(at={"allowProtectedAppendWritesAll": True}, says="allowProtectedAppendWritesAll is not"),
        ],
    )
]
