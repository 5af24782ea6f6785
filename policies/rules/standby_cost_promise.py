"""Rule: the standby state costs what was promised."""

from __future__ import annotations

from collections.abc import Iterator

from pulumi_policy import EnforcementLevel

from costs.model import PROMISE_USD
from policies.rule import Rule, Stack
from policies.standby_cost import over


def problems(stack: Stack) -> Iterator[str]:
    """By the expected reading."""
    yield from over(stack, PROMISE_USD)


RULE = Rule(
    name="standby-cost-promise",
    what=f"In mode normal the stack costs at most {PROMISE_USD:.0f} USD a month, as promised.",
    why="Between promise and limit somebody should know it: advice, because a larger database than the "
    "reference may be worth it. For the reference size the project's own tests refuse it.",
    level=EnforcementLevel.ADVISORY,
    stack_problems=problems,
)
