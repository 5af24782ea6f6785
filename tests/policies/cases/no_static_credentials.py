"""Providers that sign in by the environment, and ones that carry a key."""

from __future__ import annotations

from policies import tokens
from policies.rules.no_static_credentials import RULE
from tests.policies.case import HIDDEN, Break, Case, Thing

CASES = [
    Case(
        rule=RULE,
        good=Thing(type=tokens.AWS_PROVIDER, inputs={"region": "ap-northeast-2"}),
        breaks=[
            Break(at={key: HIDDEN}, says=f"{key} is set in the program")
            for key in ("accessKey", "secretKey", "token")
        ],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.AWS_PROVIDER, inputs={"accessKey": "unused-in-emergency"}),
        breaks=[],
    ),
    Case(
        rule=RULE,
        good=Thing(type=tokens.AZURE_PROVIDER, inputs={"tenantId": "t"}),
        breaks=[Break(at={"clientSecret": HIDDEN}, says="clientSecret is set in the program")],
    ),
]
