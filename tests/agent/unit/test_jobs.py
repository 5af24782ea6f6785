"""Work beside the loop: one at a time, and what goes wrong in it stays in it."""

from __future__ import annotations

import logging
import threading

import pytest

from agent.errors import StorageError
from agent.jobs import Job, Troubles


def test_a_trouble_is_logged_when_it_comes_when_it_changes_and_when_it_goes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    troubles = Troubles()

    def fail(sentence: str) -> None:
        raise StorageError(sentence)

    for sentence in ("away", "away", "away", "refused"):
        assert not troubles.attempt("vault", lambda sentence=sentence: fail(sentence))
    assert troubles.attempt("vault", lambda: None) and troubles.attempt("vault", lambda: None)
    assert caplog.messages == ["vault: away", "vault: refused", "vault: works again"]
    assert troubles.now() == {}


def test_a_mistake_of_ours_stops_nothing_else_and_leaves_its_trace(caplog: pytest.LogCaptureFixture) -> None:
    troubles = Troubles()
    for _ in range(2):
        assert not troubles.attempt("sums", lambda: 1 / 0)
    assert "ZeroDivisionError" in troubles.now()["sums"]
    assert sum(record.exc_info is not None for record in caplog.records) == 1, "once"


def test_a_job_runs_once_at_a_time_and_its_end_is_collected_once() -> None:
    troubles, go = Troubles(), threading.Event()
    job: Job[int] = Job("dump", troubles)
    assert not job.busy and job.collect() is None
    job.begin(lambda: int(go.wait(60)) * 7)
    assert job.busy and job.running and job.collect() is None
    go.set()
    job.join(60)
    assert job.busy and not job.running
    assert job.collect() == (True, 7)
    assert not job.busy and job.collect() is None


def test_a_failed_job_has_no_result() -> None:
    troubles = Troubles()
    job: Job[int] = Job("dump", troubles)

    def fail() -> int:
        raise StorageError("away")

    job.begin(fail)
    job.join(60)
    assert job.collect() == (False, None) and troubles.now() == {"dump": "away"}
