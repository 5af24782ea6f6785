"""A server that ignores new user data, and one that would be replaced."""

from __future__ import annotations

from policies import tokens
from policies.rules.servers_keep_running import RULE
from tests.policies.case import Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.VIRTUAL_MACHINE, ignored=("osProfile.customData",)),
        breaks=[Break(but={"ignored": ()}, says="does not ignore changes of osProfile.customData")],
    )
]
