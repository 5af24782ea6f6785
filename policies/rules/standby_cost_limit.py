"""Rule: the standby state never costs more than the hard limit."""

from __future__ import annotations

from collections.abc import Iterator

from costs.model import HARD_LIMIT_USD
from policies.rule import Rule, Stack
from policies.standby_cost import over


def problems(stack: Stack) -> Iterator[str]:
    """By the expected reading."""
    yield from over(stack, HARD_LIMIT_USD)


RULE = Rule(
    name="standby-cost-limit",
    what=f"In mode normal the stack costs at most {HARD_LIMIT_USD:.0f} USD a month by its cost model.",
    why="The pilot light is chosen for its price; dearer, the warm standby would be the better plan.",
    stack_problems=problems,
)
