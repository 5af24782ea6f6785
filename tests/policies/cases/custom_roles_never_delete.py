"""The agents' role, and what it must not grow into."""

from __future__ import annotations

from policies import tokens
from policies.rules.custom_roles_never_delete import RULE
from tests.policies.case import Break, Case, Thing

BLOBS = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs"
GOOD = Thing(
    type=tokens.ROLE_DEFINITION,
    inputs={
        "permissions": [
            {
                "actions": ["Microsoft.Storage/storageAccounts/blobServices/containers/read"],
                "dataActions": [f"{BLOBS}/read", f"{BLOBS}/write", f"{BLOBS}/add/action"],
            }
        ]
    },
)
CASES = [
    Case(
        rule=RULE,
        good=GOOD,
        breaks=[
            Break(
                at={"permissions.0.dataActions.1": f"{BLOBS}/delete"}, says="only the lifecycle rule deletes"
            ),
            Break(at={"permissions.0.dataActions.1": f"{BLOBS}/deleteBlobVersion/action"}, says="only the"),
            Break(at={"permissions.0.dataActions.1": f"{BLOBS}/*"}, says="name single actions"),
            Break(at={"permissions.0.actions.0": "*"}, says="name single actions"),
        ],
    )
]
