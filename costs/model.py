"""From resources to line items, and from line items to sums. Pure: no file is read, no clock asked."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from costs import catalogue
from costs.assumptions import Assumptions
from costs.errors import CostError
from costs.prices import HOURS_PER_MONTH, PriceTable
from costs.ranges import Range, total
from costs.resources import Resource

PROMISE_USD = 25.0
"""The promise of the design for the standby state, expected USD a month at the reference size."""
HARD_LIMIT_USD = 30.0
"""The seed's own figure for its standby state."""


@dataclass(frozen=True)
class LineItem:
    """One billed thing: `quantity` x the price of `price_key` = `usd`, for a month of 730 hours."""

    resource: str
    type: str
    what: str
    quantity: Range
    unit: str
    price_key: str
    usd: Range
    estimate: bool

    @property
    def cloud(self) -> str:
        return "AWS" if self.type.startswith("aws:") else "Azure"


@dataclass(frozen=True)
class Estimate:
    """The line items of some resources running for a whole month, dearest first."""

    lines: tuple[LineItem, ...]

    @property
    def monthly(self) -> Range:
        return total(line.usd for line in self.lines)

    @property
    def hourly(self) -> Range:
        return self.monthly / HOURS_PER_MONTH

    @property
    def estimated_share(self) -> float:
        """Share of the expected sum that rests on estimates, 0..1."""
        expected = self.monthly.expected
        return sum(line.usd.expected for line in self.lines if line.estimate) / expected if expected else 0.0

    def by_cloud(self) -> dict[str, Range]:
        return {
            cloud: total(line.usd for line in self.lines if line.cloud == cloud) for cloud in ("AWS", "Azure")
        }

    def beyond(self, other: Estimate) -> Estimate:
        """What this state costs on top of `other`: quantities are compared per resource and price."""
        before = {(line.type, line.resource, line.price_key): line for line in other.lines}
        lines = (
            _difference(line, before.get((line.type, line.resource, line.price_key))) for line in self.lines
        )
        return Estimate(tuple(line for line in lines if line.quantity.high > 0))


def _difference(line: LineItem, before: LineItem | None) -> LineItem:
    if before is None:
        return line
    quantity = _minus(line.quantity, before.quantity)
    return dataclasses.replace(line, quantity=quantity, usd=_minus(line.usd, before.usd))


def _minus(now: Range, then: Range) -> Range:
    """Reading by reading, never below zero; kept in order where two uncertain amounts overlap."""
    low, expected, high = (
        max(0.0, a - b)
        for a, b in ((now.low, then.low), (now.expected, then.expected), (now.high, then.high))
    )
    return Range(min(low, expected, high), expected, max(low, expected, high))


def estimate(resources: Sequence[Resource], assumptions: Assumptions, prices: PriceTable) -> Estimate:
    """Prices a stack.

    Raises:
        CostError: with every resource that cannot be priced, each naming what to extend.
    """
    lines: list[LineItem] = []
    problems: list[str] = []
    for resource in resources:
        try:
            lines.extend(_lines(resource, resources, assumptions, prices))
        except CostError as error:
            problems.append(str(error))
    if problems:
        raise CostError("\n".join(dict.fromkeys(problems)))
    return Estimate(
        tuple(sorted(lines, key=lambda line: (-line.usd.expected, line.type, line.resource, line.what)))
    )


def _lines(
    resource: Resource, stack: Sequence[Resource], assumptions: Assumptions, prices: PriceTable
) -> Iterable[LineItem]:
    for use in catalogue.uses(resource, stack, assumptions):
        price = prices[use.key]
        yield LineItem(
            resource=resource.name,
            type=resource.type,
            what=use.what,
            quantity=use.quantity,
            unit=price.unit,
            price_key=use.key,
            usd=use.quantity * price.amount,
            estimate=price.estimate or not use.quantity.certain,
        )


def over_budget(monthly: Range, limit_usd: float = PROMISE_USD) -> str | None:
    """Why a standby state is too dear, or None. The policy pack asks with PROMISE_USD and HARD_LIMIT_USD.

    Judged by the expected reading; the high one takes every dear estimate and empty free allowances at
    once, and is shown wherever the sum is.
    """
    if monthly.expected <= limit_usd:
        return None
    return f"standby costs {monthly.expected:.2f} USD a month, the limit is {limit_usd:.2f}: see `./dr cost`"
