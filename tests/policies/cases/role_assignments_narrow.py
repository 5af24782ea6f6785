"""One right on one thing, and broader grants."""

from __future__ import annotations

from policies import tokens
from policies.rules.role_assignments_narrow import RULE
from tests.policies.case import GONE, Break, Case, Thing

GROUP = "/subscriptions/s/resourceGroups/g"
ACCOUNT = f"{GROUP}/providers/Microsoft.Storage/storageAccounts/a"
ROLES = "/subscriptions/s/providers/Microsoft.Authorization/roleDefinitions"
GOOD = Thing(
    type=tokens.ROLE_ASSIGNMENT,
    inputs={
        "scope": f"{ACCOUNT}/blobServices/default/containers/mysql-backups",
        "roleDefinitionId": f"{ROLES}/2a2b9908-6ea1-4ae2-8e65-a410df84e7d1",
        "principalType": "ServicePrincipal",
    },
)
CASES = [
    Case(
        rule=RULE,
        good=GOOD,
        breaks=[
            Break(at={"scope": GROUP}, says="reaches all of a resource group"),
            Break(at={"scope": "/subscriptions/s"}, says="reaches all of a subscription"),
            Break(at={"scope": ACCOUNT}, says="gives a machine a whole service"),
            Break(
                at={"roleDefinitionId": f"{ROLES}/8E3AF657-a8ff-443c-a75c-2fe8c4bcb635"}, says="grants Owner"
            ),
            Break(at={"principalType": GONE}, says="principalType is not set"),
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(
            type=tokens.ROLE_ASSIGNMENT, inputs={**GOOD.inputs, "principalType": "Group", "scope": ACCOUNT}
        ),
        breaks=[],
    ),
]
