"""The account of writes and outages: every acknowledged write is found, lost in the window, or a failure."""

from __future__ import annotations

import pytest

from cli.rehearse.account import account, check_losses, outages
from cli.rehearse.client import Attempt, Outcome
from cli.rehearse.ledger import Entry


def entry(at: float, cloud: str = "aws") -> Entry:
    return Entry(token=f"W{at:g}", owner=1, cloud=cloud, sent=at - 0.1, acknowledged=at)


LIFE = [entry(1), entry(2), entry(3), entry(4), entry(20, "azure"), entry(21, "azure")]
KEPT, DISASTER = {"W1", "W2"}, 4.2


@pytest.mark.parametrize(
    ("found", "lost", "seconds", "held"),
    [
        ({"W1", "W2", "W3", "W4", "W20", "W21"}, 0, 0.0, True),
        ({"W1", "W2", "W20", "W21"}, 2, 1.1, True),  # from W3, sent at 2.9 s, to W4 at 4 s
        ({"W2", "W3", "W4", "W20", "W21"}, 1, 0.1, False),  # the vault had W1
        ({"W1", "W2", "W3", "W4", "W20"}, 1, 0.1, False),  # W21 was acknowledged after the disaster
    ],
)
def test_losses(found: set[str], lost: int, seconds: float, held: bool) -> None:
    writes = account(LIFE, found)
    assert len(writes.lost) == lost
    assert writes.lost_seconds == pytest.approx(seconds)
    assert writes.found == len(found)
    assert check_losses(writes, kept=KEPT, disaster=DISASTER).held is held


def test_rows_that_nobody_was_told_about_are_counted_apart() -> None:
    assert account(LIFE, {"W1", "Wnever"}).unacknowledged == 1


def test_a_stray_loss_is_named() -> None:
    check = check_losses(account(LIFE, set()), kept=KEPT, disaster=DISASTER)
    assert not check.held
    assert "W1" in check.detail


def attempt(at: float, outcome: Outcome) -> Attempt:
    return Attempt(at=at, outcome=outcome, cloud="aws", detail="", token="")


def test_outages_end_with_the_next_acknowledged_write() -> None:
    w, p, n = Outcome.WRITTEN, Outcome.PAGE, Outcome.NOTHING
    found = outages([attempt(t, o) for t, o in enumerate((w, n, n, p, w, w, p))])
    assert [(o.began, o.ended, o.attempts, o.unanswered) for o in found] == [(1, 4, 3, 2), (6, 6, 1, 0)]
    assert found[0].seconds == 3
