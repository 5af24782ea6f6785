"""The command line's own part of a restore: patience with rights that have not arrived yet."""

from __future__ import annotations

from pathlib import Path

import pytest

from agent import __main__ as command_line
from agent.errors import AgentError, CredentialError, GuardError, NoBackupError, NotWriterError, StorageError
from agent.report import Report

UNIT = Path(__file__).parents[3] / "components/guests/units/pilotlight-restore.service"


@pytest.fixture(autouse=True)
def waited(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The clock moves by what is slept."""
    naps: list[float] = []
    monkeypatch.setattr(command_line.time, "sleep", naps.append)
    monkeypatch.setattr(command_line.time, "monotonic", lambda: sum(naps))
    return naps


def _attempt(*failures: AgentError) -> tuple[Report, list[AgentError]]:
    left, report = list(failures), Report("azure", "db", "2026-01-01T00:00:00Z")

    def attempt() -> Report:
        if left:
            raise left.pop(0)
        return report

    assert command_line._patiently(attempt, 900) is report
    return report, left


def test_a_restore_waits_for_rights_that_were_just_granted(waited: list[float]) -> None:
    """Else the first boot of a takeover ends in a failed unit, and nobody tries again."""
    _attempt(
        StorageError("AuthorizationPermissionMismatch"), CredentialError("Forbidden"), NoBackupError("yet")
    )
    assert len(waited) == 3
    assert "agent restore --patience 86400 " in UNIT.read_text()


def test_patience_ends(waited: list[float]) -> None:
    with pytest.raises(StorageError):
        _attempt(*[StorageError("no")] * 1000)
    assert 900 <= sum(waited) < 1000


@pytest.mark.parametrize("final", [GuardError, NotWriterError])
def test_what_waiting_cannot_cure_is_said_at_once(final: type[AgentError], waited: list[float]) -> None:
    with pytest.raises(final):
        _attempt(final("no"))
    assert waited == []
