"""What bills by the hour, in an emergency and without one; see test_stack_rules.py."""

from __future__ import annotations

from policies import tokens
from policies.rules.standby_only_in_emergency import RULE
from tests.policies.case import Break, Case, Thing

TYPES = (
    tokens.APPLICATION_GATEWAY,
    tokens.VIRTUAL_MACHINE,
    tokens.NETWORK_INTERFACE,
    tokens.NAT_GATEWAY,
    tokens.DATABASE_SERVER,
    tokens.DATABASE,
    tokens.DATABASE_PARAMETER,
)
CASES = [
    *(
        Case(
            rule=RULE,
            config={"mode": "emergency"},
            good=Thing(type=token),
            breaks=[Break(config={"mode": "normal"}, says="runs in mode normal")],
        )
        for token in TYPES
    ),
    Case(rule=RULE, good=Thing(type=tokens.STORAGE_ACCOUNT), breaks=[]),
]
