"""The part of COST_ANALYSIS.md on database size, change rate, egress and how far the promise reaches."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from costs import usage
from costs.assumptions import Assumptions
from costs.markdown import paragraph, table, usd
from costs.model import PROMISE_USD, estimate
from costs.prices import PriceTable
from costs.ranges import Range
from costs.resources import Resource

SIZES_MB = (2.7, 10, 50, 250, 1000)
CHANGES_MB_PER_DAY = (100, 1000, 10_000)
_LARGE_MB = 250
_ALL_DAY = "all day"
HEAD = (
    "dump, MB compressed",
    "log, MB a day",
    "something changes in",
    "dumps a day",
    "egress, GB a month",
    "billed, USD",
    "read back, GB",
    "normal, USD a month",
)


def section(normal: Sequence[Resource], a: Assumptions, prices: PriceTable) -> list[str]:
    def monthly(changed: Assumptions) -> float:
        return estimate(normal, changed, prices).monthly.expected

    per_gb = prices["aws.egress.internet"].amount.expected
    all_day = a.but(active_intervals_a_day=usage.SECONDS_PER_DAY / a.dump_interval_seconds)
    cases = [a.but(dump_sql_mb=size * a.dump_compression) for size in SIZES_MB]
    cases += [all_day.but(dump_sql_mb=size * a.dump_compression) for size in SIZES_MB]
    cases += [a.but(change_mb_per_day=change) for change in CHANGES_MB_PER_DAY]
    free = a.aws_free_egress_gb
    return [
        "## Size, change rate and egress",
        "",
        *paragraph(
            f"""Egress from AWS costs {per_gb} USD/GB above the account's 100 GB a month. Expected to be left
            for the backups: {free.expected:g} GB (range {free.low:g} to {free.high:g}); the rest is what
            users of PetClinic take. An interval in which the dumped schemas did not change makes no dump.
            What verification and packing read back leaves Azure and is billed there."""
        ),
        *table(HEAD, [_row(case, per_gb, monthly) for case in cases], "rrrrrrrr"),
        *paragraph(_reach(a, all_day, monthly)),
        *paragraph(_growth(a, prices)),
        *paragraph(
            f"""**Egress budget** (`dumpEgressGbPerMonth`, {a.dump_egress_gb_per_month:g} GB): the agent
            lengthens the interval so that a month of dumps, one in every interval, would send no more than
            that out of AWS; a day is the longest. While the binary log is archived this loses no data: dumps
            are then only the base of a restore. Without the archive the interval is the possible data loss,
            and the choice is between money and minutes."""
        ),
        *_knobs(a, monthly),
        "`./dr cost --dump-mb 50 --change-mb-per-day 200` prices your own figures.",
        "",
    ]


def _row(a: Assumptions, per_gb: float, monthly: Callable[[Assumptions], float]) -> tuple[str, ...]:
    intervals = usage.SECONDS_PER_DAY / a.dump_interval_seconds
    active = a.active_intervals_a_day
    return (
        f"{usage.dump_gb(a) * 1000:,.1f}",
        f"{a.change_mb_per_day:,g}",
        _ALL_DAY if active >= intervals else f"{active:g} intervals",
        f"{usage.dumps_per_month(a) / usage.DAYS_PER_MONTH:,.1f}",
        f"{usage.egress_gb(a):,.1f}",
        usd(usage.billed_egress_gb(a).expected * per_gb),
        f"{usage.read_back_gb(a):,.2f}",
        usd(monthly(a)),
    )


_KNOBS: tuple[tuple[str, str, dict[str, float | Range]], ...] = (
    ("`dumpIntervalSeconds`", "3600: a dump an hour at most", {"dump_interval_seconds": 3600}),
    ("`verifyIntervalSeconds`", "86400: verified once a day", {"verify_interval_hours": 24}),
    ("`verifyMode`", "off: never verified", {"verify_interval_hours": 0}),
    (
        "`archiveFlushSeconds`",
        "0: no log archive, the possible loss is the dump interval",
        {"log_segments_per_day": 0, "log_packs_per_day": 0},
    ),
    ("`dumpEgressGbPerMonth`", "0: no budget", {"dump_egress_gb_per_month": 0}),
    ("metrics of the agent", "none: alarms in Azure only", {"agent_metrics": 0}),
    ("weekly copies", "none kept for good", {"weekly_copies_kept": 0}),
)
"""What an operator (the last two: the program) can turn: where, to what, and which assumptions follow."""


def _knobs(a: Assumptions, monthly: Callable[[Assumptions], float]) -> list[str]:
    """What each knob is worth here and where data is larger: the same stack with one thing changed."""
    sizes = (a, a.but(dump_sql_mb=_LARGE_MB * a.dump_compression))
    rows = [
        (knob, meaning, *(f"{monthly(size.but(**change)) - monthly(size):+.2f}" for size in sizes))
        for knob, meaning, change in _KNOBS
    ]
    return [
        *paragraph("What a knob is worth, in USD a month; `pulumi config set` turns those with a name:"),
        *table(("knob", "set to", "reference", f"dumps of {_LARGE_MB} MB"), rows, "llrr"),
    ]


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


def _growth(a: Assumptions, prices: PriceTable) -> str:
    gb = usage.weekly_gb(a)
    price = prices["azure.blob.hot.Standard_ZRS"].amount.expected
    return f"""Weekly copies are kept for good: {a.weekly_copies_kept:g} of them are {gb:.2f} GB,
        {gb * price:.3f} USD a month in the second year and as much again with each year that follows."""


def _reach(a: Assumptions, all_day: Assumptions, monthly: Callable[[Assumptions], float]) -> str:
    quiet, busy = (largest_dump_mb(case, monthly, PROMISE_USD) for case in (a, all_day))
    if quiet is None:
        return f"**The promise of {PROMISE_USD:.0f} USD is not kept at any size.**"
    always = "at no size" if busy is None else f"up to {busy:,.1f} MB"
    return f"""The promise of {PROMISE_USD:.0f} USD a month holds up to a compressed dump of {quiet:,.1f} MB
        with changes in {a.active_intervals_a_day:g} intervals a day, and {always} with changes all day."""
