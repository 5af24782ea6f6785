"""When the next dump is due, and whether it would be any different from the last one."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from agent.config import MAX_INTERVAL_S, Dump
from agent.gtid import GtidSet
from agent.manifest import Manifest

_MONTH_S = 30 * 86_400
_PATIENCE_S = 10.0
_LOOK_S = 0.2


def stretched(dump: Dump, stored_bytes: int) -> tuple[float, str]:
    """The interval that keeps dumps of ``stored_bytes`` within the budget for egress, and why it is longer.

    Every interval counts as a dump, skipped ones too: what a busy month costs is what must fit.

    Returns:
        Seconds, and a sentence; empty where the configured interval fits.
    """
    if dump.egress_gb_per_month is None:
        return dump.interval_s, ""
    fits = math.ceil(stored_bytes * _MONTH_S / (dump.egress_gb_per_month * 1e9))
    if fits <= dump.interval_s:
        return dump.interval_s, ""
    interval = float(min(fits, MAX_INTERVAL_S))
    told = (
        f"a dump has {stored_bytes / 1e6:.1f} MB: every {dump.interval_s:g} s would be more than "
        f"dump.egress_gb_per_month, {dump.egress_gb_per_month:g}; now every {interval:g} s"
    )
    if fits > MAX_INTERVAL_S:
        told += ", the longest that there is, and still more than that budget; raise it"
    return interval, told


def is_fresh(base: Manifest, dump: Dump, now: datetime) -> bool:
    """Whether ``base`` is too young to be renewed for its age alone; a base of the future is not."""
    age_s = (now - datetime.fromisoformat(base.snapshot_at)).total_seconds()
    return 0 <= age_s < dump.refresh_s


def unchanged(
    base: Manifest,
    executed: Callable[[], GtidSet],
    archive: Callable[[], Mapping[str, Any]],
    *,
    ours: bool,
) -> bool:
    """Whether the dumped schemas are still what ``base`` holds.

    Without a transaction since then that is plain. Else the archiver knows which ones touched the dumped
    schemas: RDS itself commits one every five minutes that does not.

    Args:
        executed: reads the server's gtid_executed.
        archive: reads the archiver's status; an empty one where nothing is archived.
        ours: ``base`` was made by this process, so that the archiver has seen all that came after it.
    """
    held = GtidSet.parse(base.gtid_before)
    present = executed()
    if not held or not held <= present:
        return False  # without GTIDs, or a server that lost some of what was dumped: restored from older data
    news = present - held
    if not news:
        return True
    deadline = time.monotonic() + _PATIENCE_S
    while ours and (status := archive()) and not (status["hole"] or status["error"]):
        untouched = news - GtidSet.parse(status["touched"])
        if untouched != news:
            return False
        if news <= GtidSet.parse(status["archived_gtid"]):
            return True
        if time.monotonic() > deadline:  # a moment behind is normal; longer is no proof of anything
            return False
        time.sleep(_LOOK_S)
    return False


def utc_now() -> datetime:
    """The present time, with its zone."""
    return datetime.now(UTC)
