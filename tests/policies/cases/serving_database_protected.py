"""The database before and after the opening, and when it was released."""

from __future__ import annotations

from policies import tokens
from policies.rules.serving_database_protected import RULE
from tests.policies.case import Break, Case, Thing

OPENED = {"mode": "emergency", "enablePetclinic": "true"}
RELEASED = {"mode": "failback", "enablePetclinic": "true", "cutover": "c1", "releaseDatabase": "c1"}
CASES = [
    *(
        Case(
            rule=RULE,
            config=OPENED,
            good=Thing(type=token),
            breaks=[Break(but={"protect": False}, says="has served users and is not protected")],
        )
        for token in (tokens.DATABASE_SERVER, tokens.DATABASE)
    ),
    Case(
        rule=RULE,
        config={"mode": "emergency"},
        good=Thing(type=tokens.DATABASE_SERVER, protect=False),
        breaks=[Break(config=OPENED, says="has served users")],
    ),
    Case(rule=RULE, config=RELEASED, good=Thing(type=tokens.DATABASE_SERVER, protect=False), breaks=[]),
]
