"""Every rule on everything that the program registers, in all its situations and with all its options."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from policies import tokens
from policies.rule import Stack
from policies.rules import RULES
from policies.seen import UNKNOWN, Seen
from tests.policies.case import configure
from tests.program.recorder import Recorded, Run, run_program

OPENED = {"mode": "emergency", "enablePetclinic": "true"}
FAILBACK = {"mode": "failback", "enablePetclinic": "true"}
OPTIONS = {
    "awsInterfaceEndpoints": "true",
    "awsRouteTableIds": '["rtb-0a1b2c3d4e5f60718"]',
    "alertEmails": '["a@example.com"]',
    "gatewayWaf": "true",
    "databaseTimeZone": "+09:00",
    "operatorsGroupId": "11111111-2222-3333-4444-555555555555",
}
SITUATIONS: dict[str, tuple[str, dict[str, str]]] = {
    "normal": ("normal", {}),
    "normal with all options": ("normal", OPTIONS),
    "maintenance page only": ("normal", {"mode": "emergency", "emergencyScope": "maintenance"}),
    "emergency": ("normal", {"mode": "emergency"}),
    "opened": ("normal", OPENED),
    "opened with all options": ("normal", {**OPENED, **OPTIONS}),
    "failback": ("normal", FAILBACK),
    "cut over": ("normal", {**FAILBACK, "cutover": "c1"}),
    "AWS serves": ("normal", {**FAILBACK, "cutover": "c1", "awsWeight": "10"}),
    "released": ("normal", {**FAILBACK, "cutover": "c1", "awsWeight": "100", "releaseDatabase": "c1"}),
    "drill": ("emergency", {}),
    "takeover": ("emergency", {"purpose": "takeover", "occasion": "take1"}),
}
TOO_DEAR = {("normal with all options", name) for name in ("standby-cost-limit", "standby-cost-promise")}
"""Private endpoints cost 57 USD a month a zone: who wants them decides about these rules as well."""


@pytest.fixture(autouse=True)
def no_configuration_left_over() -> Iterator[None]:
    yield
    configure(None)


def _known(value: Any) -> Any:
    """With the ids that the mocks made up as unknown: no cloud's id looks like that."""
    if isinstance(value, dict):
        return {key: _known(part) for key, part in value.items()}
    if isinstance(value, list):
        return [_known(part) for part in value]
    return UNKNOWN if isinstance(value, str) and value.startswith("/id/") else value


def _seen(resource: Recorded) -> Seen:
    home = resource.parent.split("::")[2] if resource.parent else "pulumi:pulumi:Stack"
    return Seen(
        type=resource.type,
        name=resource.name,
        urn=f"urn:pulumi:s::petclinic-dr::{home}${resource.type}::{resource.name}",
        inputs={key: _known(value) for key, value in resource.inputs.items()},
        protected=resource.protect,
        ignored=resource.ignore_changes,
    )


def _broken(run: Run) -> set[tuple[str, str]]:
    """(rule, what it says) for all that is wrong."""
    resources = [_seen(resource) for resource in run if resource.custom and not resource.read]
    outputs = Seen(type=tokens.STACK, name="stack", urn="urn:stack", inputs=run.outputs)
    stack = Stack(resources, outputs)
    found: set[tuple[str, str]] = set()
    for rule in RULES:
        for resource in resources:
            if rule.problems is not None and (not rule.types or resource.type in rule.types):
                found |= {(rule.name, f"{resource.name}: {text}") for text in rule.problems(resource)}
        if rule.stack_problems is not None:
            found |= {(rule.name, text) for text in rule.stack_problems(stack)}
    return found


@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_program_breaks_no_rule(situation: str) -> None:
    stack, changes = SITUATIONS[situation]
    run = run_program(stack, **changes)
    configure(changes, stack=stack)
    broken = {(rule, text) for rule, text in _broken(run) if (situation, rule) not in TOO_DEAR}
    assert not broken


def test_private_endpoints_are_dearer_than_the_limit() -> None:
    stack, changes = SITUATIONS["normal with all options"]
    configure(changes)
    rules = {rule for rule, _ in _broken(run_program(stack, **changes))}
    assert rules == {"standby-cost-limit", "standby-cost-promise"}
