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
WEEKS_PER_MONTH = DAYS_PER_MONTH / 7
_MONTH_SECONDS = DAYS_PER_MONTH * SECONDS_PER_DAY
_PAGE = 5000
_FOLDERS = 3  # listings of the backups themselves, of the log's servers, and of the names of one's files
BLOCK_MB = 4
"""A blob is staged and read in blocks of 4 MiB (agent/storage.py)."""


def intervals_per_month(a: Assumptions) -> float:
    """Rounds of the agent: heartbeats and looks at the epoch go on when nothing changes."""
    return _MONTH_SECONDS / a.dump_interval_seconds


def heartbeats_per_month(a: Assumptions) -> float:
    return intervals_per_month(a) * a.heartbeats_per_interval


def dumps_per_month(a: Assumptions) -> float:
    """One for each interval with a change, and one a day at least."""
    changed = DAYS_PER_MONTH * a.active_intervals_a_day
    return max(min(changed, _MONTH_SECONDS / interval_kept(a)), DAYS_PER_MONTH)


def interval_kept(a: Assumptions) -> float:
    """Seconds from one dump to the next where something changes all the time (agent/schedule.py): long enough
    for a month of such dumps to keep the egress budget, a day at most."""
    if not a.dump_egress_gb_per_month:
        return a.dump_interval_seconds
    fits = dump_gb(a) * _MONTH_SECONDS / a.dump_egress_gb_per_month
    return min(max(a.dump_interval_seconds, fits), max(SECONDS_PER_DAY, a.dump_interval_seconds))


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
    """What leaves AWS in a month: dumps, weekly copies of them, log segments and packs, with overhead."""
    dumps = dumps_per_month(a) + weekly_copies_per_month(a)
    return sent_gb(dumps * dump_gb(a) + archived_gb_per_month(a), a)


def billed_egress_gb(a: Assumptions) -> Range:
    """Egress above what the account's free allowance has left."""
    return Range.exactly(egress_gb(a)).above(a.aws_free_egress_gb)


def verifications_per_month(a: Assumptions) -> float:
    if not a.verify_interval_hours:
        return 0.0
    return DAYS_PER_MONTH * HOURS_PER_DAY / a.verify_interval_hours


def verified_gb(a: Assumptions) -> float:
    """What one verification reads: the newest dump, and where it restores everything the log since then."""
    log = log_gb_per_month(a) / dumps_per_month(a) if a.dump_sql_mb <= a.verify_full_up_to_mb else 0.0
    return dump_gb(a) + log


def weekly_copies_per_month(a: Assumptions) -> float:
    """A verified dump is copied through the instance; without verification there is none to copy."""
    return WEEKS_PER_MONTH if a.verify_interval_hours and a.weekly_copies_kept else 0.0


def read_back_gb(a: Assumptions) -> float:
    """What leaves Azure for AWS in a month: chains to verify, dumps to copy and segments to pack."""
    packed = log_gb_per_month(a) if a.log_packs_per_day else 0.0
    copied = weekly_copies_per_month(a) * dump_gb(a)
    return sent_gb(verifications_per_month(a) * verified_gb(a) + copied + packed, a)


def read_operations(a: Assumptions) -> float:
    """Reads of the vault in a month: blocks of dumps to verify, packs beside them, and segments to pack."""
    per_chain = _blocks(a) + 1 + a.log_packs_per_day
    segments = a.log_segments_per_day * DAYS_PER_MONTH if a.log_packs_per_day else 0.0
    return verifications_per_month(a) * per_chain + segments


def list_operations(a: Assumptions, kept_days: float) -> float:
    """Listings of the vault in a month; each page of 5,000 names is billed like a write.

    Packing and verifying both look for what there is (agent/archive/log.py): containers' folders, packs, log
    files, and one by one the files that no pack covers yet: when a period is packed, an eighth of it after
    its end, those of one period and an eighth.
    """
    if not archives(a):
        return verifications_per_month(a)
    pages = sum(math.ceil(kept_days * daily / _PAGE) for daily in (a.log_packs_per_day, a.log_files_per_day))
    unpacked = 1.125 * a.log_files_per_day / max(a.log_packs_per_day, 1)
    looks = a.log_packs_per_day * DAYS_PER_MONTH + verifications_per_month(a)
    return looks * (_FOLDERS + pages + unpacked)


def stored_gb(a: Assumptions, kept_days: float) -> float:
    """Steady size of the vault when everything is kept for `kept_days`, without what is kept for good."""
    per_month = dumps_per_month(a) * dump_gb(a) + archived_gb_per_month(a)
    return per_month / DAYS_PER_MONTH * kept_days


def weekly_gb(a: Assumptions) -> float:
    """Size of the verified dumps that are kept for good."""
    return a.weekly_copies_kept * dump_gb(a) if weekly_copies_per_month(a) else 0.0


def write_operations(a: Assumptions) -> float:
    """Writes into the vault in a month: a dump is staged in blocks, then committed, then its manifest is
    written; segments and packs are one write each."""
    log = (a.log_segments_per_day + a.log_packs_per_day) * DAYS_PER_MONTH
    return (dumps_per_month(a) + weekly_copies_per_month(a)) * (_blocks(a) + 2) + log


def _blocks(a: Assumptions) -> int:
    return max(1, math.ceil(dump_gb(a) * 1000 / BLOCK_MB))


def cpu_share(a: Assumptions) -> float:
    """Mean use of one CPU by dumping and verifying, 1.0 = one whole CPU."""
    busy = dumps_per_month(a) * a.dump_sql_mb / a.dump_mb_per_cpu_second
    busy += verifications_per_month(a) * a.dump_sql_mb / a.restore_mb_per_cpu_second
    return busy / _MONTH_SECONDS
