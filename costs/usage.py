"""What the backups move and store in a month.

Pure arithmetic over the assumptions. Decimal units throughout: the clouds bill binary gigabytes, 7 % larger,
so every quantity here errs on the dear side.
"""

from __future__ import annotations

import math

from costs.assumptions import Assumptions
from costs.ranges import Range

DAYS_PER_MONTH = 30
SECONDS_PER_DAY = 86_400
HOURS_PER_DAY = 24
BLOCK_MB = 4
"""A blob is staged and read in blocks of 4 MiB (agent/storage.py)."""


def intervals_per_month(a: Assumptions) -> float:
    """Rounds of the agent: heartbeats and looks at the epoch go on when nothing changes."""
    return DAYS_PER_MONTH * SECONDS_PER_DAY / a.dump_interval_seconds


def dumps_per_month(a: Assumptions) -> float:
    """One for each interval with a change, as many as the egress budget allows, but one a day at least."""
    wanted = min(DAYS_PER_MONTH * a.active_intervals_a_day, intervals_per_month(a))
    if a.dump_egress_gb_per_month:
        wanted = min(wanted, a.dump_egress_gb_per_month / sent_gb(dump_gb(a), a))
    return max(wanted, DAYS_PER_MONTH)


def dump_gb(a: Assumptions) -> float:
    """Stored size of one dump."""
    return a.dump_sql_mb / a.dump_compression / 1000


def log_gb_per_month(a: Assumptions) -> float:
    """Stored size of a month of archived binary log, before it is packed; nothing without an archive."""
    return a.change_mb_per_day / a.change_compression * DAYS_PER_MONTH / 1000 if archives(a) else 0.0


def archives(a: Assumptions) -> bool:
    """Whether the binary log is archived at all."""
    return a.log_segments_per_day > 0


def archived_gb_per_month(a: Assumptions) -> float:
    """What the archive writes: every byte as a segment, and once more in its pack."""
    return log_gb_per_month(a) * (2 if a.log_packs_per_day else 1)


def sent_gb(stored: float, a: Assumptions) -> float:
    """What must be sent for so much to be stored."""
    return stored * (1 + a.protocol_overhead)


def egress_gb(a: Assumptions) -> float:
    """What leaves AWS in a month: dumps, log segments and packs, and their overhead."""
    return sent_gb(dumps_per_month(a) * dump_gb(a) + archived_gb_per_month(a), a)


def billed_egress_gb(a: Assumptions) -> Range:
    """Egress above what the account's free allowance has left."""
    return Range.exactly(egress_gb(a)).above(a.aws_free_egress_gb)


def verifications_per_month(a: Assumptions) -> float:
    if not a.verify_interval_hours:
        return 0.0
    return DAYS_PER_MONTH * HOURS_PER_DAY / a.verify_interval_hours


def chain_gb(a: Assumptions) -> float:
    """The newest dump with the log since: at most a day of it."""
    days = DAYS_PER_MONTH / dumps_per_month(a)
    return dump_gb(a) + log_gb_per_month(a) / DAYS_PER_MONTH * days


def read_back_gb(a: Assumptions) -> float:
    """What leaves Azure for AWS in a month: chains to verify, and segments to pack."""
    packed = log_gb_per_month(a) if a.log_packs_per_day else 0.0
    return sent_gb(verifications_per_month(a) * chain_gb(a) + packed, a)


def read_operations(a: Assumptions) -> float:
    """Reads of the vault in a month: blocks of dumps to verify, packs beside them, and segments to pack."""
    per_chain = _blocks(a) + 1 + a.log_packs_per_day
    segments = a.log_segments_per_day * DAYS_PER_MONTH if a.log_packs_per_day else 0.0
    return verifications_per_month(a) * per_chain + segments


def stored_gb(a: Assumptions, kept_days: float) -> float:
    """Steady size of the vault when everything is kept for `kept_days`, without what is kept for good."""
    per_month = dumps_per_month(a) * dump_gb(a) + archived_gb_per_month(a)
    return per_month / DAYS_PER_MONTH * kept_days


def weekly_gb(a: Assumptions) -> float:
    """Size of the verified chains that are kept for good."""
    return a.weekly_chains_kept * chain_gb(a)


def write_operations(a: Assumptions) -> float:
    """Writes into the vault in a month: a dump is staged in blocks, then committed, then its manifest is
    written; segments and packs are one write each."""
    log = (a.log_segments_per_day + a.log_packs_per_day) * DAYS_PER_MONTH
    return dumps_per_month(a) * (_blocks(a) + 2) + log


def _blocks(a: Assumptions) -> int:
    return max(1, math.ceil(dump_gb(a) * 1000 / BLOCK_MB))


def cpu_share(a: Assumptions) -> float:
    """Mean use of one CPU by dumping and verifying, 1.0 = one whole CPU."""
    busy = dumps_per_month(a) * a.dump_sql_mb / a.dump_mb_per_cpu_second
    busy += verifications_per_month(a) * a.dump_sql_mb / a.restore_mb_per_cpu_second
    return busy / (DAYS_PER_MONTH * SECONDS_PER_DAY)


def interval_kept(a: Assumptions) -> float:
    """Seconds from one dump to the next where something changes all the time: the configured interval, longer
    where the egress budget makes it so, a day at most."""
    always = a.but(active_intervals_a_day=SECONDS_PER_DAY / a.dump_interval_seconds)
    return DAYS_PER_MONTH * SECONDS_PER_DAY / dumps_per_month(always)
