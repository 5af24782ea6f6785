"""AWS in an emergency: frozen, half frozen, and in a stack that should not know it."""

from __future__ import annotations

from policies import tokens
from policies.rules.frozen_aws import RULE
from tests.policies.case import GONE, HIDDEN, Break, Case, Thing

EMERGENCY = {"mode": "emergency"}
DRILL = {"mode": "emergency", "purpose": "drill"}
KEYS = {"accessKey": "unused-in-emergency", "secretKey": "unused-in-emergency"}
CASES = [
    Case(
        rule=RULE,
        config=EMERGENCY,
        good=Thing(type="aws:ec2/eip:Eip", ignored=("*",)),
        breaks=[
            Break(but={"ignored": ()}, says="may be changed while AWS is away"),
            Break(config=DRILL, says="a drill stack must work without it"),
        ],
    ),
    Case(
        rule=RULE,
        config=EMERGENCY,
        good=Thing(type=tokens.AWS_PROVIDER, inputs=KEYS),
        breaks=[
            Break(at={"accessKey": GONE}, says="signs in to AWS in an emergency"),
            Break(at={"secretKey": HIDDEN}, says="signs in to AWS in an emergency"),
            Break(config=DRILL, says="a drill stack must work without it"),
        ],
    ),
    Case(rule=RULE, good=Thing(type="aws:ec2/eip:Eip"), breaks=[]),
    Case(rule=RULE, config=EMERGENCY, good=Thing(type=tokens.SUBNET), breaks=[]),
]
