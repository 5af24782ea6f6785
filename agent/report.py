"""What a restore did, or would do: one document for the operator, the signals container and the exit page."""

from __future__ import annotations

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from agent.errors import AgentError


@dataclass
class Report:
    """What a restore did.

    Attributes:
        loaded: False: there was nothing to do, or nothing was to be changed (``dry_run``).
        target: what the database held before.
        to, named: the point in time and the backup that were asked for; empty for all that there is, and for
            the best one.
        choice: for each base that was looked at, whether it was taken and why.
        guard: in a dry run, what would forbid the restore; empty when nothing would.
        log: what was replayed onto the base, and what the replay did.
        reached: ``gtid`` and ``time`` of the last transaction that the database holds for certain, and the
            ``epoch`` in which it was committed.
        lost: what the source is known to have committed beyond that; see ``agent.loss``.
        objects: how many of each kind the database holds at the end.
        tables_verified: tables whose rows were compared with the backup's, hash by hash, before the replay.
        seconds: by phase, in order.
    """

    site: str
    host: str
    started: str
    loaded: bool = False
    dry_run: bool = False
    take_over: bool = False
    backup: dict[str, Any] = field(default_factory=dict[str, Any])
    epoch: int = 0
    target: str = ""
    to: str = ""
    named: str = ""
    choice: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    guard: str = ""
    log: dict[str, Any] = field(default_factory=dict[str, Any])
    reached: dict[str, Any] = field(default_factory=dict[str, Any])
    lost: dict[str, Any] = field(default_factory=dict[str, Any])
    quarantine: str = ""
    diverged_gtid: str = ""
    objects: dict[str, int] = field(default_factory=dict[str, int])
    tables_verified: int = 0
    warnings: list[str] = field(default_factory=list[str])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    error: str = ""
    finished: str = ""

    @contextmanager
    def phase(self, name: str) -> Generator[None]:
        """Time one phase."""
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 3)


def write_report(file: Path, report: Report) -> None:
    """Write ``report`` as JSON.

    Raises:
        AgentError: the file cannot be written.
    """
    try:
        file.write_text(json.dumps(vars(report), indent=1), encoding="utf-8")
    except OSError as error:
        raise AgentError(
            f"cannot write the report {file}: {error.strerror}; name another with --report"
        ) from error


def now() -> str:
    """The present time as reports have it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")
