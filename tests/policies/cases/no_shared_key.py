"""Accounts without a key, and the one that may have one."""

from __future__ import annotations

from policies import tokens
from policies.rules.no_shared_key import RULE
from tests.policies.case import GONE, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.STORAGE_ACCOUNT, inputs={"allowSharedKeyAccess": False}),
        breaks=[
            Break(at={"allowSharedKeyAccess": True}, says="can delete every backup"),
            Break(at={"allowSharedKeyAccess": GONE}, says="can delete every backup"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.STORAGE_ACCOUNT,
            name="maintenance-site-account",
            inputs={"allowSharedKeyAccess": True},
        ),
        breaks=[Break(but={"name": "another-account"}, says="can delete every backup")],
    ),
]
