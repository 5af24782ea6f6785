"""The account of writes and outages: every acknowledged write is found, kept for people, or within a loss."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cli.rehearse.account import Disaster, Places, account, check_lag, check_losses, check_one_writer, outages
from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.ledger import Entry


def entry(at: float, cloud: str = "aws") -> Entry:
    return Entry(token=f"W{at:g}", owner=1, cloud=cloud, sent=at - 0.1, acknowledged=at)


LIFE = [entry(1), entry(2), entry(3), entry(4), entry(20, "azure"), entry(21, "azure")]
ALL = {e.token for e in LIFE}
DISASTER = Disaster(at=4.2, since=0.0, kept=frozenset({"W1", "W2"}), lag=1.0)


@pytest.mark.parametrize(
    ("missing", "exports", "seconds", "held"),
    [
        (set[str](), set[str](), 0.0, True),
        ({"W3", "W4"}, set[str](), 1.1, True),  # archived by nobody: from W3, sent at 2.9 s, to W4 at 4 s
        ({"W1"}, set[str](), 0.1, False),  # the vault had it
        ({"W1"}, {"W1"}, 0.1, False),  # kept for people, and all the same it was archived before
        ({"W21"}, set[str](), 0.1, False),  # acknowledged after the disaster
        ({"W21"}, {"W21"}, 0.1, True),  # by a cloud that was not the writer
    ],
)
def test_losses(missing: set[str], exports: set[str], seconds: float, held: bool) -> None:
    writes = account(LIFE, Places(database=ALL - missing, exports=exports))
    assert {e.token for e in writes.missing} == missing
    assert {e.token for e in writes.exported} == missing & exports
    assert writes.lost_seconds == pytest.approx(seconds)
    assert writes.found == len(LIFE) - len(missing)
    assert check_losses(writes, [DISASTER]).held is held


def test_a_dump_that_a_restore_made_beforehand_keeps_a_write_too() -> None:
    writes = account(LIFE, Places(database=ALL - {"W21"}, dumps={"W21", "W1"}))
    assert [e.token for e in writes.dumped] == ["W21"]
    assert check_losses(writes, [DISASTER]).held


def test_a_disaster_excuses_nothing_that_was_written_before_its_writers_epoch() -> None:
    late = Disaster(at=30, since=25, kept=frozenset(), lag=1.0)
    writes = account(LIFE, Places(database=ALL - {"W20"}))
    assert not check_losses(writes, [late]).held
    assert check_losses(writes, [replace(late, since=19)]).held


@pytest.mark.parametrize(
    ("life", "lag", "held"),
    [
        ([1.0, 2.0, 8.0, 9.5], 2.0, True),  # 8.0 is 2 s older than the disaster, and the lag was 2 s
        ([1.0, 2.0, 7.0, 9.5], 0.5, False),  # archived after 0.5 s at most: 7.0 ought to be there
        ([1.0, 2.0, 3.0], 2.0, False),  # the last write is far older than the lag: 0 may be lost
        ([7.0, 8.5, 9.0, 9.5, 10.9], 1.5, False),  # none too old, and together more seconds than the lag
    ],
)
def test_a_disaster_costs_no_more_than_the_archives_measured_lag(
    life: list[float], lag: float, held: bool
) -> None:
    """Though archived by nobody: then the archive stood still, and nobody may call that a stated loss."""
    entries = [entry(at) for at in life]
    kept = frozenset(e.token for e in entries if e.acknowledged <= 2)
    writes = account(entries, Places(database=kept))
    disaster = Disaster(at=10.0, since=0.0, kept=kept, lag=lag)
    assert check_losses(writes, [disaster]).held
    check = check_lag(writes, [disaster])
    assert check.held is held
    assert "lag" in check.detail


def test_each_disaster_is_judged_by_its_own_writes() -> None:
    """What a cloud took that was not the writer, or before it was, is not what its disaster cost."""
    writes = account(LIFE, Places(database={"W1", "W2", "W3", "W4"}, exports={"W20", "W21"}))
    late = Disaster(at=200.0, since=100.0, kept=frozenset(), lag=0.1)
    assert check_lag(writes, [DISASTER, late]).held
    assert not check_lag(writes, [DISASTER, replace(late, since=10.0)]).held


def test_rows_that_nobody_was_told_about_are_counted_apart() -> None:
    assert account(LIFE, Places(database={"W1", "Wnever"})).unacknowledged == 1


def test_a_stray_loss_is_named() -> None:
    check = check_losses(account(LIFE, Places(database=())), [DISASTER])
    assert not check.held
    assert "W1" in check.detail


EPOCHS = {"W1": 1, "W2": 1, "W3": 1, "W20": 2, "W21": 2}


@pytest.mark.parametrize(
    ("epochs", "apart", "held"),
    [
        (EPOCHS, set[str](), True),
        ({**EPOCHS, "W21": 1}, set[str](), False),  # the old writer acknowledged after the new one had begun
        ({**EPOCHS, "W21": 1}, {"W21"}, True),  # diverged, and accounted for as such
        ({}, set[str](), False),  # no log proves nothing
    ],
)
def test_one_writer(epochs: dict[str, int], apart: set[str], held: bool) -> None:
    assert check_one_writer(LIFE, epochs, apart, 0.0).held is held


def attempt(at: float, outcome: Outcome) -> Attempt:
    return Attempt(at=at, outcome=outcome, cloud="aws", detail="", token="")


def test_outages_end_with_the_next_acknowledged_write() -> None:
    w, p, n = Outcome.WRITTEN, Outcome.PAGE, Outcome.NOTHING
    found = outages([attempt(t, o) for t, o in enumerate((w, n, n, p, w, w, p))])
    assert [(o.began, o.ended, o.attempts, o.unanswered) for o in found] == [(1, 4, 3, 2), (6, 6, 1, 0)]
    assert found[0].seconds == 3
