"""What a heartbeat is believed: a clock that was wrong must not promise what was never archived."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import cast

import pytest

from agent.lastwords import LastWords, last_words
from agent.moment import microseconds
from agent.schedule import utc_now
from agent.storage import BlobStore

NOW = utc_now()
DAY = timedelta(days=1)


def said(at: datetime | None, through: datetime) -> LastWords:
    class Signals:
        def read(self, name: str) -> tuple[bytes, str]:
            assert name == "heartbeat-aws.json"
            beat = {"at": at.isoformat()} if at else {}
            return json.dumps({**beat, "archive": {"archived_through": through.isoformat()}}).encode(), "1"

    return last_words(cast("BlobStore", Signals()), "aws")


def test_a_heartbeat_is_believed_as_it_stands() -> None:
    found = said(NOW, NOW - timedelta(seconds=2))
    assert found.through_us == microseconds(NOW - timedelta(seconds=2))
    assert found.clock == ""


def test_nothing_is_archived_beyond_the_heartbeat_that_says_so() -> None:
    """The clock was a day ahead for a moment, and put back before this heartbeat."""
    found = said(NOW - timedelta(seconds=5), NOW + DAY)
    assert found.through_us == microseconds(NOW - timedelta(seconds=5))
    assert datetime.fromisoformat(found.through) <= NOW
    assert found.clock == ""


@pytest.mark.parametrize("at", [NOW + DAY, None])
def test_nothing_is_archived_beyond_the_present(at: datetime | None) -> None:
    assert said(at, NOW + DAY).through_us <= microseconds(utc_now())


def test_a_heartbeat_of_the_future_is_told_as_a_wrong_clock() -> None:
    assert "clock" in said(NOW + DAY, NOW + DAY).clock
    assert said(NOW + timedelta(seconds=10), NOW).clock == "", "two clocks are never quite equal"
