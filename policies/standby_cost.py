"""What the stack costs in mode ``normal``, for the two rules with a budget."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import cast

from costs import assumptions, prices
from costs.assumptions import Assumptions
from costs.catalogue import CATALOGUE
from costs.errors import CostError
from costs.model import estimate, over_budget
from costs.prices import PriceTable
from costs.resources import Resource
from policies.rule import Stack
from policies.seen import UNKNOWN
from policies.situation import is_normal


def over(stack: Stack, limit_usd: float) -> Iterator[str]:
    """Why the standby is dearer than ``limit_usd``, or why its price cannot be told. Types without a cost
    function are left out: a rule of their own names them before they are made."""
    if not is_normal(stack):
        return
    priced = [
        Resource(seen.type, seen.name, cast("dict[str, object]", _known(seen.inputs)))
        for seen in stack.resources
        if seen.type in CATALOGUE
    ]
    try:
        problem = over_budget(estimate(priced, _assumptions(), _prices()).monthly, limit_usd)
    except CostError as error:
        problem = f"the standby's cost cannot be told: {error}"
    if problem:
        yield problem


@functools.cache
def _assumptions() -> Assumptions:
    return assumptions.load()


@functools.cache
def _prices() -> PriceTable:
    return prices.load()


def _known(value: object) -> object:
    """Without what a preview cannot know, as the cost model wants it."""
    if isinstance(value, Mapping):
        pairs = cast("Mapping[str, object]", value).items()
        return {key: _known(part) for key, part in pairs if part is not UNKNOWN}
    if isinstance(value, list):
        return [_known(part) for part in cast("list[object]", value) if part is not UNKNOWN]
    return value
