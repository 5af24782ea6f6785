"""Properties of the sums that hold for every size, rate and interval."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from costs import assumptions, prices, usage
from costs.document_sizes import largest_dump_mb
from costs.errors import CostError
from costs.model import estimate
from costs.ranges import Range
from costs.resources import REFERENCE, load_list

A = assumptions.load()
PRICES = prices.load()
NORMAL = load_list(REFERENCE / "normal.json")
EGRESS_USD = PRICES["aws.egress.internet"].amount.expected
SIZE = st.floats(0.1, 100_000)
RATE = st.floats(0, 100_000)
INTERVAL = st.integers(1, 288).map(lambda steps: steps * 300.0)
NUMBER = st.floats(0, 1e6)


def spent(a: assumptions.Assumptions) -> Range:
    return estimate(NORMAL, a, PRICES).monthly


def at_most(one: Range, other: Range) -> bool:
    slack = 1e-9 * (1 + other.high)
    return (
        one.low <= other.low + slack
        and one.expected <= other.expected + slack
        and one.high <= other.high + slack
    )


@settings(max_examples=40, deadline=None)
@given(SIZE, SIZE, RATE, RATE, INTERVAL)
def test_more_data_never_costs_less(
    size: float, more: float, rate: float, faster: float, interval: float
) -> None:
    a = A.but(
        dump_sql_mb=min(size, more), change_mb_per_day=min(rate, faster), dump_interval_seconds=interval
    )
    assert at_most(spent(a), spent(a.but(dump_sql_mb=max(size, more))))
    assert at_most(spent(a), spent(a.but(change_mb_per_day=max(rate, faster))))


@settings(max_examples=40, deadline=None)
@given(SIZE, INTERVAL, INTERVAL)
def test_rarer_dumps_never_cost_more(size: float, interval: float, other: float) -> None:
    a = A.but(dump_sql_mb=size)
    often = spent(a.but(dump_interval_seconds=min(interval, other)))
    assert at_most(spent(a.but(dump_interval_seconds=max(interval, other))), often)


@settings(max_examples=40, deadline=None)
@given(SIZE, RATE, INTERVAL)
def test_no_line_is_negative_and_readings_are_in_order(size: float, rate: float, interval: float) -> None:
    a = A.but(dump_sql_mb=size, change_mb_per_day=rate, dump_interval_seconds=interval)
    for line in estimate(NORMAL, a, PRICES).lines:
        assert 0 <= line.usd.low <= line.usd.expected <= line.usd.high


@given(SIZE, RATE, st.floats(0, 100), st.floats(0, 50))
def test_the_fitting_interval_is_the_shortest_that_fits(
    size: float, rate: float, free: float, budget: float
) -> None:
    a = A.but(dump_sql_mb=size, change_mb_per_day=rate, aws_free_egress_gb=free, egress_budget_usd=budget)

    def cost(interval: float) -> float:
        return usage.billed_egress_gb(a.but(dump_interval_seconds=interval)).expected * EGRESS_USD

    interval = usage.fitting_interval(a, EGRESS_USD)
    if interval is None:
        assert cost(usage.LONGEST_INTERVAL_SECONDS) > budget - 1e-6
        return
    assert interval % usage.INTERVAL_STEP_SECONDS == 0
    assert a.dump_interval_seconds <= interval <= usage.LONGEST_INTERVAL_SECONDS
    assert cost(interval) <= budget + 1e-6
    if interval > a.dump_interval_seconds:
        assert cost(interval - usage.INTERVAL_STEP_SECONDS) > budget - 1e-6


def test_the_configured_interval_is_never_shortened() -> None:
    assert usage.fitting_interval(A.but(dump_interval_seconds=1800), EGRESS_USD) == 1800


@settings(max_examples=20, deadline=None)
@given(st.floats(24, 200))
def test_the_largest_dump_is_just_inside_the_limit(limit: float) -> None:
    def expected(a: assumptions.Assumptions) -> float:
        return spent(a).expected

    largest = largest_dump_mb(A, expected, limit)
    assert largest is not None
    assert expected(A.but(dump_sql_mb=largest * A.dump_compression)) <= limit
    assert expected(A.but(dump_sql_mb=(largest + 0.1) * A.dump_compression)) > limit


def test_no_dump_is_small_enough_for_an_impossible_limit() -> None:
    assert largest_dump_mb(A, lambda a: spent(a).expected, 1.0) is None


@given(NUMBER, NUMBER, NUMBER, NUMBER)
def test_an_allowance_only_ever_lowers(value: float, first: float, second: float, third: float) -> None:
    allowance = Range(*sorted((first, second, third)))
    left = Range.exactly(value).above(allowance)
    assert left.high <= value
    assert left.low <= left.expected <= left.high


@pytest.mark.parametrize("readings", [(1, 0, 2), (0, 2, 1), (-1, 0, 1)])
def test_a_range_out_of_order_is_refused(readings: tuple[float, float, float]) -> None:
    with pytest.raises(CostError, match="low <= expected <= high"):
        Range(*readings)
