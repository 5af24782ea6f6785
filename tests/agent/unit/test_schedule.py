"""When a dump is due, and when it would be the same as the last one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent import schedule
from agent.archive.service import until_packing
from agent.config import Dump
from agent.gtid import GtidSet
from agent.schedule import is_fresh, stretched, unchanged
from tests.agent.samples import UUID, manifest

DUMP = Dump(interval_s=300, stall_s=120, egress_gb_per_month=10, refresh_s=86_400)
SOURCE = f"{UUID}1"
BASE = manifest("backup_20260101T000000Z.sql.gz", gtid_before=f"{SOURCE}:1-10", gtid_after=f"{SOURCE}:1-12")


def is_unchanged(
    executed: str, *, touched: str = "", archived: str = "", ours: bool = True, **status: Any
) -> bool:
    told: Mapping[str, Any] = {
        "hole": "",
        "error": "",
        "touched": touched,
        "archived_gtid": archived,
        **status,
    }
    return unchanged(BASE, lambda: GtidSet.parse(executed), lambda: told, ours=ours)


def test_without_a_transaction_nothing_changed() -> None:
    assert is_unchanged(f"{SOURCE}:1-10", ours=False)


def test_transactions_that_touched_nothing_are_no_change() -> None:
    assert is_unchanged(f"{SOURCE}:1-15", touched=f"{SOURCE}:3-9", archived=f"{SOURCE}:1-15")


def test_a_server_that_lost_transactions_is_not_the_one_that_was_dumped() -> None:
    """RDS restored from a snapshot: fewer transactions than the backup, and none that is new."""
    assert not is_unchanged(f"{SOURCE}:1-9", archived=f"{SOURCE}:1-10")
    assert not is_unchanged("", archived=f"{SOURCE}:1-10")


@pytest.mark.parametrize("touched", ["11", "12", "15"])
def test_one_that_did_is_a_change_even_if_the_snapshot_may_hold_it(touched: str) -> None:
    assert not is_unchanged(f"{SOURCE}:1-15", touched=f"{SOURCE}:{touched}", archived=f"{SOURCE}:1-15")


def test_what_was_not_seen_counts_as_a_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "_PATIENCE_S", 0.0)
    executed = f"{SOURCE}:1-15"
    assert not is_unchanged(executed, archived=f"{SOURCE}:1-14"), "the archive is behind"
    assert not is_unchanged(executed, archived=executed, ours=False), "seen by an earlier process"
    assert not is_unchanged(executed, archived=executed, hole="a hole")
    assert not is_unchanged(executed, archived=executed, error="no network")
    assert not unchanged(BASE, lambda: GtidSet.parse(executed), dict, ours=True), "nothing is archived"
    without = replace(BASE, gtid_before="")
    assert not unchanged(without, lambda: GtidSet({}), dict, ours=True), "no GTIDs"


def test_the_archive_may_be_a_moment_behind() -> None:
    told: dict[str, Any] = {"hole": "", "error": "", "touched": "", "archived_gtid": f"{SOURCE}:1-10"}
    looks = 0

    def status() -> dict[str, Any]:
        nonlocal looks
        looks += 1
        return told if looks < 3 else {**told, "archived_gtid": f"{SOURCE}:1-15"}

    assert unchanged(BASE, lambda: GtidSet.parse(f"{SOURCE}:1-15"), status, ours=True)


@pytest.mark.parametrize(("age", "fresh"), [(0, True), (86_399, True), (86_400, False), (-60, False)])
def test_a_base_is_renewed_for_its_age_and_one_of_the_future_too(age: int, fresh: bool) -> None:
    now = datetime.now(UTC)
    base = replace(BASE, snapshot_at=(now - timedelta(seconds=age)).isoformat())
    assert is_fresh(base, DUMP, now) is fresh


def test_the_interval_stretches_to_what_the_budget_pays() -> None:
    assert stretched(DUMP, 1_000_000) == (300, "")
    # 10 GB a month: 100 dumps of 100 MB, one every 25,920 s.
    interval_s, why = stretched(DUMP, 100_000_000)
    assert interval_s == 25_920 and "egress_gb_per_month, 10" in why
    interval_s, why = stretched(DUMP, 10_000_000_000)
    assert interval_s == 86_400 and "still more than that budget" in why
    assert stretched(replace(DUMP, egress_gb_per_month=None), 10**12) == (300, "")


@given(st.floats(1, 86_400), st.floats(1e9, 2e9))
def test_packing_comes_once_a_period_and_soon_after_its_end(period_s: float, now: float) -> None:
    """Each time costs a listing for every log file that is not packed yet."""
    wait = until_packing(period_s, now)
    assert 0 < wait <= period_s
    into = (now + wait) % period_s / period_s
    assert into == pytest.approx(1 / 8, abs=1e-3)
