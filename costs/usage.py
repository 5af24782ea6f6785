"""What the backups move and store, and when the dumps must become rarer.

Pure arithmetic over the assumptions. Decimal units throughout: the clouds bill binary gigabytes, 7 % larger,
so every quantity here errs on the dear side.
"""

from __future__ import annotations

import math

from costs.assumptions import Assumptions
from costs.ranges import Range

DAYS_PER_MONTH = 30
SECONDS_PER_DAY = 86_400
INTERVAL_STEP_SECONDS = 300
LONGEST_INTERVAL_SECONDS = SECONDS_PER_DAY
"""A base dump older than a day would make every restore replay too much log."""


def dumps_per_month(a: Assumptions) -> float:
    return DAYS_PER_MONTH * SECONDS_PER_DAY / a.dump_interval_seconds


def dump_gb(a: Assumptions) -> float:
    """Stored size of one dump."""
    return a.dump_sql_mb / a.dump_compression / 1000


def log_gb_per_month(a: Assumptions) -> float:
    """Stored size of a month of archived binary log."""
    return a.change_mb_per_day / a.change_compression * DAYS_PER_MONTH / 1000


def egress_gb(a: Assumptions) -> float:
    """What leaves AWS in a month: dumps, log and their overhead."""
    return (dumps_per_month(a) * dump_gb(a) + log_gb_per_month(a)) * (1 + a.protocol_overhead)


def billed_egress_gb(a: Assumptions) -> Range:
    """Egress above what the account's free allowance has left."""
    return Range.exactly(egress_gb(a)).above(a.aws_free_egress_gb)


def stored_gb(a: Assumptions, kept_days: float) -> float:
    """Steady size of the vault when everything is kept for `kept_days`."""
    per_month = dumps_per_month(a) * dump_gb(a) + log_gb_per_month(a)
    return per_month / DAYS_PER_MONTH * kept_days


def write_operations(a: Assumptions) -> float:
    """Writes into the vault in a month.

    A dump is staged in blocks of 4 MiB (agent/storage.py), then committed, then its manifest is written.
    """
    blocks = max(1, math.ceil(dump_gb(a) * 1000 / 4))
    return dumps_per_month(a) * (blocks + 2) + a.log_segments_per_day * DAYS_PER_MONTH


def dump_cpu_share(a: Assumptions) -> float:
    """Mean use of one CPU by dumping, 1.0 = one whole CPU."""
    return a.dump_sql_mb / a.dump_mb_per_cpu_second / a.dump_interval_seconds


def fitting_interval(a: Assumptions, usd_per_gb: float) -> float | None:
    """The stretching rule: the shortest dump interval, in seconds, whose billed egress fits the budget.

    The configured one when it fits; else multiples of five minutes, at most a day; judged by the expected
    allowance. None when even a dump a day (or the log alone) is too much: then the money must change.
    Stretching costs no data while the binary log is archived; without it the possible loss is the interval.
    """
    paid_gb = a.egress_budget_usd / usd_per_gb if usd_per_gb else math.inf
    allowed_gb = a.aws_free_egress_gb.expected + paid_gb
    for_dumps = allowed_gb / (1 + a.protocol_overhead) - log_gb_per_month(a)
    if for_dumps <= 0:
        return None
    # The tolerance keeps a size that fits exactly from being pushed one step up by rounding.
    shortest = DAYS_PER_MONTH * SECONDS_PER_DAY * dump_gb(a) / for_dumps * (1 - 1e-12)
    if shortest <= a.dump_interval_seconds:
        return a.dump_interval_seconds
    if shortest > LONGEST_INTERVAL_SECONDS:
        return None
    return math.ceil(shortest / INTERVAL_STEP_SECONDS) * INTERVAL_STEP_SECONDS
