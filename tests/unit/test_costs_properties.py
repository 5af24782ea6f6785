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
SIZE = st.floats(0.1, 100_000)
RATE = st.floats(0, 100_000)
ACTIVE = st.floats(0, 288)
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
@given(size=SIZE, more=SIZE, rate=RATE, faster=RATE, interval=INTERVAL, active=ACTIVE)
def test_more_data_never_costs_less(
    *, size: float, more: float, rate: float, faster: float, interval: float, active: float
) -> None:
    """Without a budget, and with the whole chain verified: with a budget larger dumps become fewer, and above
    a size a sample is restored, which costs less than all of it."""
    a = A.but(
        dump_sql_mb=min(size, more),
        change_mb_per_day=min(rate, faster),
        dump_interval_seconds=interval,
        active_intervals_a_day=active,
        dump_egress_gb_per_month=0,
        verify_full_up_to_mb=1e9,
    )
    assert at_most(spent(a), spent(a.but(dump_sql_mb=max(size, more))))
    assert at_most(spent(a), spent(a.but(change_mb_per_day=max(rate, faster))))


@settings(max_examples=40, deadline=None)
@given(SIZE, INTERVAL, INTERVAL, ACTIVE)
def test_rarer_dumps_never_cost_more(size: float, interval: float, other: float, active: float) -> None:
    """Dumps alone: a chain with a longer log is read back by every verification."""
    a = A.but(dump_sql_mb=size, active_intervals_a_day=active, verify_interval_hours=0, weekly_copies_kept=0)
    often = spent(a.but(dump_interval_seconds=min(interval, other)))
    assert at_most(spent(a.but(dump_interval_seconds=max(interval, other))), often)
    assert at_most(spent(a.but(active_intervals_a_day=active / 2)), spent(a))


@settings(max_examples=40, deadline=None)
@given(SIZE, RATE, INTERVAL, ACTIVE)
def test_no_line_is_negative_and_readings_are_in_order(
    size: float, rate: float, interval: float, active: float
) -> None:
    a = A.but(
        dump_sql_mb=size,
        change_mb_per_day=rate,
        dump_interval_seconds=interval,
        active_intervals_a_day=active,
    )
    for line in estimate(NORMAL, a, PRICES).lines:
        assert 0 <= line.usd.low <= line.usd.expected <= line.usd.high


@given(SIZE, INTERVAL, ACTIVE, st.floats(0.1, 1000))
def test_dumps_keep_the_egress_budget_or_are_made_once_a_day(
    size: float, interval: float, active: float, budget: float
) -> None:
    a = A.but(
        dump_sql_mb=size,
        dump_interval_seconds=interval,
        active_intervals_a_day=active,
        dump_egress_gb_per_month=budget,
    )
    dumps = usage.dumps_per_month(a)
    assert usage.DAYS_PER_MONTH <= dumps <= max(usage.DAYS_PER_MONTH, usage.intervals_per_month(a))
    stored = dumps * usage.dump_gb(a)
    assert stored <= budget * (1 + 1e-9) or dumps == usage.DAYS_PER_MONTH
    assert interval * (1 - 1e-9) <= usage.interval_kept(a) <= usage.SECONDS_PER_DAY * (1 + 1e-9)
    unlimited = a.but(dump_egress_gb_per_month=0)
    assert dumps <= usage.dumps_per_month(unlimited)


@pytest.mark.parametrize(
    ("changes", "dumps"),
    [
        ({}, 40 * 30),
        ({"active_intervals_a_day": 0}, 30),
        ({"active_intervals_a_day": 288}, 288 * 30),
        ({"active_intervals_a_day": 288, "dump_interval_seconds": 3600}, 24 * 30),
        ({"active_intervals_a_day": 288, "dump_sql_mb": 300, "dump_egress_gb_per_month": 0}, 288 * 30),
        ({"active_intervals_a_day": 288, "dump_sql_mb": 300}, 900),
        ({"active_intervals_a_day": 20, "dump_sql_mb": 300}, 600),
        ({"dump_sql_mb": 300_000}, 30),
    ],
)
def test_how_often_a_dump_is_made(changes: dict[str, float], dumps: float) -> None:
    assert usage.dumps_per_month(A.but(**changes)) == pytest.approx(dumps)


def test_without_archive_and_verification_nothing_is_read_back() -> None:
    a = A.but(log_segments_per_day=0, log_packs_per_day=0, verify_interval_hours=0)
    assert usage.read_back_gb(a) == 0
    assert usage.read_operations(a) == 0
    assert usage.archived_gb_per_month(a) == 0
    assert usage.list_operations(a, 49) == 0
    only_packs = A.but(verify_interval_hours=0)
    assert usage.read_back_gb(only_packs) == pytest.approx(5 / 3 * 30 / 1000 * 1.03)
    assert usage.archived_gb_per_month(only_packs) == pytest.approx(2 * 5 / 3 * 30 / 1000)


def test_every_survey_of_the_log_is_paid_for_page_by_page() -> None:
    a = A.but(verify_interval_hours=0, log_packs_per_day=24, log_files_per_day=192)
    one = 3 + 1 + 2 + 9  # folders, a page of 1,176 packs, two of 9,408 files, the files of 1.125 hours
    assert usage.list_operations(a, 49) == 24 * 30 * one


@settings(max_examples=20, deadline=None)
@given(st.floats(26, 200))
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
