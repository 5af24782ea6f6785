"""Rule: what runs, and bills by the hour, is absent in mode ``normal``."""

from __future__ import annotations

from collections.abc import Iterator

from components.switches import Mode
from policies import tokens
from policies.rule import Rule, Stack
from policies.seen import Seen
from policies.situation import is_normal, switches

EMERGENCY_TYPES = frozenset(
    {
        tokens.APPLICATION_GATEWAY,
        tokens.VIRTUAL_MACHINE,
        tokens.NETWORK_INTERFACE,
        tokens.NAT_GATEWAY,
        tokens.DATABASE_SERVER,
        tokens.DATABASE,
        tokens.DATABASE_PARAMETER,
    }
)
_PROBLEM = (
    "runs in mode normal: the pilot light pays for it all month. Make it only while switches.gateway_runs"
)


def problems(_resource: Seen) -> Iterator[str]:
    """Where the mode is known, before the resource is made."""
    now = switches()
    if now is not None and now.mode is Mode.NORMAL:
        yield _PROBLEM


def stack_problems(stack: Stack) -> Iterator[str]:
    """A saved stack has no configuration, but an output with its mode."""
    if switches() is None and is_normal(stack):
        for resource in stack.resources:
            if resource.type in EMERGENCY_TYPES:
                yield f"{resource.name}: {_PROBLEM}"


RULE = Rule(
    name="standby-only-in-emergency",
    what="Gateway, servers, NAT and database exist in an emergency only.",
    why="They bill by the hour: left running, they cost more in a week than the standby in a year.",
    types=EMERGENCY_TYPES,
    problems=problems,
    stack_problems=stack_problems,
)
