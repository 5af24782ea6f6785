"""Rule: the stack's outputs tell no secret."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from policies import tokens
from policies.rule import Rule, Stack
from policies.seen import UNKNOWN

SECRET_INPUTS = {
    tokens.KEY_VAULT_SECRET: "properties.value",
    tokens.DATABASE_SERVER: "administratorLoginPassword",
    tokens.VIRTUAL_MACHINE: "osProfile.adminPassword",
}
"""Where this program's secrets are among its inputs."""
_NAME = re.compile(
    r"password|passwd|secret(?!_?(name|id|arn|uri|url))|private_?key|token|credential", re.IGNORECASE
)
_SHORTEST = 8
"""A shorter text would be found by chance."""


def problems(stack: Stack) -> Iterator[str]:
    """By name, and by comparing with every secret that went into a resource. Quotes neither."""
    if stack.outputs is None:
        return
    secrets = {
        resource.text(SECRET_INPUTS[resource.type])
        for resource in stack.resources
        if resource.type in SECRET_INPUTS
    }
    for name, value in stack.outputs.inputs.items():
        if _NAME.search(name):
            yield f"output {name}: is named like a secret; export the name or URL of the secret instead"
        text = "" if value is UNKNOWN else json.dumps(value, default=str)
        if any(len(secret) >= _SHORTEST and secret in text for secret in secrets):
            yield f"output {name}: holds a secret that a resource was given"


RULE = Rule(
    name="no-secret-in-outputs",
    what="No output of the stack is a secret or holds one.",
    why="Outputs are printed by every update, kept in the state and read by other stacks and by CI.",
    stack_problems=problems,
)
