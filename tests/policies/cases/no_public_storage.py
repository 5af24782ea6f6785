"""Closed accounts and containers, and open ones."""

from __future__ import annotations

from policies import tokens
from policies.rules.no_public_storage import RULE
from tests.policies.case import GONE, Break, Case, Thing

ACCOUNT = Thing(
    type=tokens.STORAGE_ACCOUNT,
    inputs={"allowBlobPublicAccess": False, "allowCrossTenantReplication": False},
)
CASES = [
    Case(
        rule=RULE,
        good=ACCOUNT,
        breaks=[
            Break(at={"allowBlobPublicAccess": True}, says="allowBlobPublicAccess is not false"),
            Break(at={"allowBlobPublicAccess": GONE}, says="allowBlobPublicAccess is not false"),
            Break(at={"allowCrossTenantReplication": True}, says="allowCrossTenantReplication is not false"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.BLOB_CONTAINER, inputs={"publicAccess": "None"}),
        breaks=[
            Break(at={"publicAccess": "Blob"}, says="publicAccess is 'Blob'"),
            Break(at={"publicAccess": "Container"}, says="publicAccess is 'Container'"),
        ],
    ),
]
