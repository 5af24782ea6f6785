"""Rights of the component that always is, and of one that is not."""

from __future__ import annotations

from policies import tokens
from policies.rules.identities_from_normal_on import RULE
from tests.policies.case import Break, Case, Thing

HOME = "pilotlight:azure:StandbyServers"
CASES = [
    *(
        Case(
            rule=RULE,
            good=Thing(type=token),
            breaks=[Break(but={"home": HOME}, says="is not made by components/azure/access.py")],
        )
        for token in (
            tokens.IDENTITY,
            tokens.FEDERATED_CREDENTIAL,
            tokens.ROLE_DEFINITION,
            tokens.ROLE_ASSIGNMENT,
        )
    ),
    Case(
        rule=RULE,
        config={"purpose": "drill", "mode": "emergency"},
        good=Thing(type=tokens.ROLE_ASSIGNMENT, home="pilotlight:azure:BorrowedFoundation"),
        breaks=[],
    ),
]
