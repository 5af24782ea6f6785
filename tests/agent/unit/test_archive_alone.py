"""The archive as a command of its own waits for what is away, and ends for what waiting does not change."""

from __future__ import annotations

import threading
from types import SimpleNamespace
from typing import Any, cast

import pytest

from agent import archive_alone
from agent.archive_alone import archive
from agent.context import Context
from agent.errors import DatabaseError, LogError, StorageError


class _Archiver:
    def __init__(self, stopping: threading.Event) -> None:
        self._stopping = stopping
        self.joined = False

    def status(self) -> dict[str, Any]:
        self._stopping.set()
        return {"segments": 0}

    def join(self) -> None:
        self.joined = True


def _context() -> Context:
    return cast("Context", SimpleNamespace(config=SimpleNamespace(site="aws"), signals=None))


def test_it_waits_for_a_server_and_an_endpoint_that_are_down_at_its_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stopping = threading.Event()
    archiver = _Archiver(stopping)
    answers: list[object] = [DatabaseError("down"), StorageError("down"), archiver]

    def start(*_: object) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(archive_alone, "_started", start)
    monkeypatch.setattr(archive_alone, "_POLL_S", 0)
    archive(_context(), stopping)
    assert archiver.joined and not answers


def test_a_stop_ends_the_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    stopping = threading.Event()

    def start(*_: object) -> object:
        stopping.set()
        raise DatabaseError("down")

    monkeypatch.setattr(archive_alone, "_started", start)
    archive(_context(), stopping)


def test_settings_that_somebody_must_change_end_it(monkeypatch: pytest.MonkeyPatch) -> None:
    obstacle = SimpleNamespace(stops_archive=True, subject="log_bin", problem="is OFF", fix="set it to ON")
    writer = SimpleNamespace(require_writer=lambda _: None)
    monkeypatch.setattr(archive_alone, "check_log", lambda *_: [obstacle])
    monkeypatch.setattr(archive_alone, "session", lambda *_, **__: threading.Lock())
    monkeypatch.setattr(archive_alone, "read_epoch", lambda _: writer)
    context = SimpleNamespace(
        config=SimpleNamespace(site="aws", archive=object()), control=None, login=lambda: None
    )
    with pytest.raises(DatabaseError, match="log_bin is OFF; set it to ON"):
        archive(cast("Context", context), threading.Event())


def test_an_archiver_that_died_by_a_mistake_is_not_spoken_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its heartbeats would go on, and their age is what people watch."""

    class Dies(_Archiver):
        needs_dump = False

        def run(self, _: threading.Event) -> None:
            """Ends at once, as after an error of ours."""

        def has_dealt_with(self, _: object) -> bool:
            return False

    monkeypatch.setattr(archive_alone, "Archiver", lambda *_: Dies(threading.Event()))
    monkeypatch.setattr(archive_alone, "_POLL_S", 0)
    running = archive_alone._Running(_context(), cast("Any", None), threading.Event())  # pyright: ignore[reportPrivateUsage]
    running.join()
    monkeypatch.setattr(archive_alone, "_started", lambda *_: running)
    with pytest.raises(LogError, match="ended by an error of this program"):
        archive(_context(), threading.Event())
