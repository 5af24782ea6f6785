"""The part of COST_ANALYSIS.md on database size, change rate, egress and how far the promise reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from costs import usage
from costs.assumptions import Assumptions
from costs.markdown import paragraph, table, usd
from costs.model import PROMISE_USD, estimate
from costs.prices import PriceTable
from costs.resources import Resource

SIZES_MB = (2.7, 5, 10, 25, 50, 100, 250, 1000)
CHANGES_MB_PER_DAY = (100, 1000, 10_000)
HEAD = (
    "dump, MB compressed",
    "change, MB a day",
    "egress, GB a month",
    "billed, USD",
    "normal, USD a month",
    "interval that fits",
    "normal at that interval",
)


def section(normal: Sequence[Resource], a: Assumptions, prices: PriceTable) -> list[str]:
    def monthly(changed: Assumptions) -> float:
        return estimate(normal, changed, prices).monthly.expected

    per_gb = prices["aws.egress.internet"].amount.expected
    cases = [a.but(dump_sql_mb=size * a.dump_compression) for size in SIZES_MB]
    cases += [a.but(change_mb_per_day=change) for change in CHANGES_MB_PER_DAY]
    free = a.aws_free_egress_gb
    return [
        "## Size, change rate and egress",
        "",
        *paragraph(
            f"""Egress from AWS costs {per_gb} USD/GB above the account's 100 GB a month. Expected to be left
            for the backups: {free.expected:g} GB (range {free.low:g} to {free.high:g}); the rest is what
            users of PetClinic take."""
        ),
        *table(HEAD, [_row(case, per_gb, monthly) for case in cases], "rrrrrrr"),
        *paragraph(_reach(a, monthly)),
        *paragraph(
            f"""**Stretching rule** (`costs/usage.py`): when billed egress passes {a.egress_budget_usd:g} USD
            a month, the dump interval grows in steps of five minutes to the shortest that fits, to a day at
            most. While the binary log is archived this loses no data: dumps are then only the base of a
            restore. Without the archive the interval is the possible data loss, and the choice is between
            money and minutes. *none* means that even a dump a day does not fit."""
        ),
        "`./dr cost --dump-mb 50 --change-mb-per-day 200` prices your own figures.",
        "",
    ]


def _row(a: Assumptions, per_gb: float, monthly: Callable[[Assumptions], float]) -> tuple[str, ...]:
    interval = usage.fitting_interval(a, per_gb)
    return (
        f"{usage.dump_gb(a) * 1000:,.1f}",
        f"{a.change_mb_per_day:,g}",
        f"{usage.egress_gb(a):,.1f}",
        usd(usage.billed_egress_gb(a).expected * per_gb),
        usd(monthly(a)),
        "none" if interval is None else f"{interval / 60:g} min",
        "" if interval is None else usd(monthly(a.but(dump_interval_seconds=interval))),
    )


def largest_dump_mb(
    a: Assumptions, monthly: Callable[[Assumptions], float], limit_usd: float
) -> float | None:
    """The largest compressed dump, in MB, that keeps the standby at or below the limit; None when none does.

    Bisection: the sum grows with the dump (a property test holds that).
    """

    def fits(megabytes: float) -> bool:
        return monthly(a.but(dump_sql_mb=megabytes * a.dump_compression)) <= limit_usd

    low, high = 0.1, 10_000.0
    if not fits(low):
        return None
    if fits(high):
        return high
    while high - low > 0.05:
        middle = (low + high) / 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _reach(a: Assumptions, monthly: Callable[[Assumptions], float]) -> str:
    every_five = largest_dump_mb(a, monthly, PROMISE_USD)
    hourly = largest_dump_mb(a.but(dump_interval_seconds=3600), monthly, PROMISE_USD)
    if every_five is None or hourly is None:
        return f"**The promise of {PROMISE_USD:.0f} USD is not kept at any size.**"
    return f"""The promise of {PROMISE_USD:.0f} USD a month holds up to a compressed dump of
        {every_five:.1f} MB every {a.dump_interval_seconds / 60:g} minutes, or {hourly:.0f} MB every hour."""
